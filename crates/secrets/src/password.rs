//! Passwords of people: which are good enough, and the hash under which one is stored.
//!
//! Both take long on purpose or by nature. Whoever calls them does so off the threads that serve, and bounds how many
//! are under way: each hash takes [`HASH_MEMORY_KIB`].

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use types::Rng;
use zeroize::Zeroizing;

use crate::Secret;

/// KiB of memory that one hash takes: OWASP's first choice for Argon2id, 19 MiB with two passes.
pub const HASH_MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
const HASH_PASSES: u32 = 2;
/// Threads that work on one hash.
const HASH_LANES: u32 = 1;
/// Bytes of a hash.
const HASH_BYTES: usize = 32;
/// Bytes of randomness in a hash, so that two equal passwords do not look equal.
const SALT_BYTES: usize = 16;
/// Characters of the shortest password.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Characters of the longest password.
pub const PASSWORD_CHARS_MAX: usize = 256;
/// Characters that must be left of a password without what is known of its user.
const UNKNOWN_CHARS_MIN: usize = 6;
/// How hard a password must be to guess, from 0 to 4 by the estimate of `zxcvbn`; 3 is more than 10^8 guesses.
const PASSWORD_SCORE_MIN: u8 = 3;

/// Why a password is refused. Never repeats it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// Too few characters.
    #[error("the password has {0} characters, fewer than {PASSWORD_CHARS_MIN}")]
    TooShort(usize),
    /// Too many characters.
    #[error("the password has {0} characters, more than {PASSWORD_CHARS_MAX}")]
    TooLong(usize),
    /// Too easy to guess.
    #[error("the password is too easy to guess{}", .0.as_deref().map(|why| format!(": {why}")).unwrap_or_default())]
    Guessable(Option<String>),
}

/// Whether a password may be used by somebody of whom `known` (their name, their address) is no secret.
///
/// # Errors
/// If it is too short, too long, or too easy to guess.
pub fn check_password(password: &str, known: &[&str]) -> Result<(), PasswordRefused> {
    let chars = password.chars().count();
    if chars < PASSWORD_CHARS_MIN {
        return Err(PasswordRefused::TooShort(chars));
    }
    if chars > PASSWORD_CHARS_MAX {
        return Err(PasswordRefused::TooLong(chars));
    }
    // Of an address its parts are as well known as the whole.
    let parts = known.iter().flat_map(|text| text.split(['@', '.', '-', '_', ' ']));
    let known: Vec<&str> = known.iter().copied().chain(parts).filter(|part| part.len() > 2).collect();
    // The estimate takes what stands between known words for something to guess.
    if chars_unknown(password, &known) < UNKNOWN_CHARS_MIN {
        return Err(PasswordRefused::Guessable(Some("It is made of the user's name or address.".to_owned())));
    }
    let estimate = zxcvbn::zxcvbn(password, &known);
    if u8::from(estimate.score()) < PASSWORD_SCORE_MIN {
        let why = estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning);
        return Err(PasswordRefused::Guessable(why.map(|why| why.to_string())));
    }
    Ok(())
}

/// How many letters and digits are left without the known words.
fn chars_unknown(password: &str, known: &[&str]) -> usize {
    let mut words: Vec<String> = known.iter().map(|word| word.to_lowercase()).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mut rest = Zeroizing::new(password.to_lowercase());
    for word in words {
        rest = Zeroizing::new(rest.replace(&word, ""));
    }
    rest.chars().filter(|c| c.is_alphanumeric()).count()
}

/// The hash under which a password is stored, in PHC's form: it names its parameters, so that later ones can differ.
pub fn hash_password(password: &Secret<String>, rng: &mut dyn Rng) -> String {
    let mut salt = [0; SALT_BYTES];
    rng.fill(&mut salt);
    // It fails for parameters and salts out of range, and these are constants.
    #[allow(clippy::expect_used)]
    let hash = hasher()
        .hash_password_with_salt(password.expose().as_bytes(), &salt)
        .expect("the constants are parameters of Argon2");
    hash.to_string()
}

/// Whether the password is the one that was hashed. A text that is no hash fits no password.
pub fn verify_password(password: &Secret<String>, hash: &str) -> bool {
    hasher().verify_password(password.expose().as_bytes(), hash).is_ok()
}

/// False, after as much work as [`verify_password`] does: for whoever has no password, so that nobody learns who has one.
pub fn verify_no_password(password: &Secret<String>) -> bool {
    verify_password(password, &nobodys_hash())
}

/// The hash of no password that anybody could find: all its bits are 0.
fn nobodys_hash() -> String {
    let (salt, hash) = ("A".repeat(SALT_BYTES * 4 / 3 + 1), "A".repeat(HASH_BYTES * 4 / 3 + 1));
    format!("$argon2id$v=19$m={HASH_MEMORY_KIB},t={HASH_PASSES},p={HASH_LANES}${salt}${hash}")
}

fn hasher() -> Argon2<'static> {
    #[allow(clippy::expect_used)] // as above
    let params = Params::new(HASH_MEMORY_KIB, HASH_PASSES, HASH_LANES, Some(HASH_BYTES))
        .expect("the constants are parameters of Argon2");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use types::SeededRng;

    use super::*;

    #[test]
    fn a_hash_fits_its_password_alone_and_names_its_parameters() {
        let mut rng = SeededRng::from_u64(1);
        let password = Secret::from("correct horse battery");
        let hash = hash_password(&password, &mut rng);
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify_password(&password, &hash));
        assert!(!verify_password(&Secret::from("correct horse batterz"), &hash));
        assert_ne!(hash, hash_password(&password, &mut rng));
        for text in ["", "x", "$argon2id$v=19$m=19456,t=2,p=1$AAAA", &hash[..hash.len() - 20]] {
            assert!(!verify_password(&password, text), "{text}");
        }
    }

    #[test]
    fn nobodys_hash_asks_for_the_same_work_as_anybodys() {
        let hash = hash_password(&Secret::from("correct horse battery"), &mut SeededRng::from_u64(1));
        let (one, none) = (hash, nobodys_hash());
        let parameters = |hash: &str| {
            let hash = argon2::password_hash::phc::PasswordHash::new(hash).unwrap();
            (
                hash.algorithm.to_string(),
                hash.params.to_string(),
                hash.salt.unwrap().len(),
                hash.hash.unwrap().len(),
            )
        };
        assert_eq!(parameters(&one), parameters(&none));
        assert!(!verify_no_password(&Secret::from("")));
    }

    #[test]
    fn what_is_short_long_or_guessable_is_refused_without_being_repeated() {
        let mut rng = SeededRng::from_u64(1);
        let mut long: String = (0..5).map(|_| crate::generate_api_key(&mut rng).expose().clone()).collect();
        long.truncate(PASSWORD_CHARS_MAX);
        assert_eq!(check_password(&long, &[]), Ok(()));
        let longer = format!("{long}x");
        for (password, known, part) in [
            ("", "", "0 characters, fewer than 12"),
            ("k3#Vq9!zTwp", "", "11 characters, fewer than 12"),
            (longer.as_str(), "", "257 characters, more than 256"),
            ("password1234", "", "too easy to guess"),
            ("aaaaaaaaaaaaaaaa", "", "too easy to guess"),
            ("qwertyuiop1234", "", "too easy to guess"),
            ("Ada-Example-com-1", "ada@example.com", "made of the user's name"),
            ("lovelaceexample", "ada.lovelace@example.com", "too easy to guess"),
        ] {
            let refused = check_password(password, &[known]).err().map(|refused| refused.to_string());
            let refused = refused.unwrap_or_else(|| panic!("accepted: {password}"));
            assert!(refused.contains(part), "{password}: {refused}");
            assert!(password.is_empty() || !refused.contains(password), "{refused}");
        }
        for password in
            ["k3#Vq9!zTwpL", "correct horse battery", "größe-wächst-still", "雨が降る日は家にいますから"]
        {
            assert_eq!(check_password(password, &["ada@example.com", "Ada"]), Ok(()), "{password}");
        }
    }
}
