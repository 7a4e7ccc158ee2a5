//! A value that cannot be printed, compared, serialised or copied by accident.
//!
//! Whoever needs the plaintext says so with [`Secret::expose`], which is easy to search for in review.

use zeroize::Zeroize;

/// Holds a secret and overwrites it when dropped. It has no `Debug`, `Display`, `Serialize`, `Clone` or
/// `PartialEq` on purpose: a struct that derives one of them and holds a secret does not compile.
///
/// ```compile_fail
/// println!("{:?}", secrets::Secret::new(String::from("hunter2")));
/// ```
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in. Copies that the caller made before are the caller's to wipe.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The plaintext. Borrow it for as short as possible; do not put it into an error or a log line.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + Clone> Secret<T> {
    /// A second holder of the same secret, for the rare place that needs one; wiped on its own.
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl From<&str> for Secret<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl From<String> for Secret<String> {
    fn from(value: String) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_dropped_secret_is_overwritten() {
        struct Witness(Arc<AtomicBool>);
        impl Zeroize for Witness {
            fn zeroize(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let wiped = Arc::new(AtomicBool::new(false));
        let secret = Secret::new(Witness(Arc::clone(&wiped)));
        assert!(!secret.expose().0.load(Ordering::SeqCst));
        drop(secret);
        assert!(wiped.load(Ordering::SeqCst));
    }

    #[test]
    fn a_duplicate_outlives_the_first() {
        let first = Secret::from("k");
        let second = first.duplicate();
        drop(first);
        assert_eq!(second.expose(), "k");
    }
}
