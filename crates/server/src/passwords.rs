//! Work on passwords, which costs memory and time on purpose: off the threads that serve, a few at a time.

use std::sync::Arc;

use secrets::{HASH_MEMORY_KIB, PasswordRefused, Secret};
use tokio::sync::Semaphore;
use types::SystemRng;

use crate::error::{ApiError, ApiResult, code};

/// KiB of memory that all hashes take which are under way.
const MEMORY_KIB_MAX: u32 = 4 * HASH_MEMORY_KIB;
/// Requests that wait for their turn, or have it; more are told to come back.
pub(crate) const WAITING_MAX: usize = 64;

/// Hashes and judges passwords.
pub(crate) struct Passwords {
    waiting: Arc<Semaphore>,
    working: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let at_once = (MEMORY_KIB_MAX / HASH_MEMORY_KIB) as usize;
        Self { waiting: Arc::new(Semaphore::new(WAITING_MAX)), working: Arc::new(Semaphore::new(at_once)) }
    }

    /// Whether the password is the one of that hash. It takes as long where there is no hash.
    pub(crate) async fn fits(&self, password: Secret<String>, hash: Option<String>) -> ApiResult<bool> {
        self.work(move || match hash {
            Some(hash) => secrets::verify_password(&password, &hash),
            None => secrets::verify_no_password(&password),
        })
        .await
    }

    /// The hash of a new password of somebody of whom `known` is no secret.
    pub(crate) async fn hash_new(&self, password: Secret<String>, known: Vec<String>) -> ApiResult<String> {
        let hashed = self.work(move || hash_new(&password, &known)).await?;
        hashed.map_err(|refused| ApiError::new(&code::PASSWORD_REFUSED, refused.to_string()))
    }

    async fn work<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> ApiResult<T> {
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else {
            let message = format!("{WAITING_MAX} requests are about passwords already; try again");
            return Err(ApiError::new(&code::OVERLOADED, message));
        };
        let turn = Arc::clone(&self.working).acquire_owned().await.map_err(ApiError::internal)?;
        // The turn goes with the work: a caller who hangs up does not make room that is not there.
        let work = tokio::task::spawn_blocking(move || {
            let done = job();
            drop((turn, place));
            done
        });
        work.await.map_err(ApiError::internal)
    }
}

/// The hash of a password that is good enough. Takes long: not for a thread that serves.
pub(crate) fn hash_new(password: &Secret<String>, known: &[String]) -> Result<String, PasswordRefused> {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    secrets::check_password(password.expose(), &known)?;
    Ok(secrets::hash_password(password, &mut SystemRng))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn more_than_may_wait_are_told_to_come_back() {
        let passwords = Passwords::new();
        let held = Arc::clone(&passwords.working).acquire_many_owned(4).await.unwrap();
        let refused = {
            let asked = (0..=WAITING_MAX).map(|_| passwords.work(|| ()));
            let mut asked: futures_util::stream::FuturesUnordered<_> = asked.collect();
            futures_util::StreamExt::next(&mut asked).await.unwrap().unwrap_err()
        };
        assert_eq!(*refused.code(), code::OVERLOADED);
        drop(held);
        assert!(passwords.work(|| true).await.unwrap());
    }
}
