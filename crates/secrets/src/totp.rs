//! One-time codes by time (RFC 6238) as authenticators make them: SHA-1, 30 seconds, six digits. And the recovery codes
//! for whoever has lost theirs.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;
use types::{Rng, UserId};
use zeroize::Zeroizing;

use crate::Secret;
use crate::aead::{KEY_BYTES, OpenError, associated_data, open_text, seal_text};

/// How a sealed secret starts: the version of the format.
const FORM: &str = "u1";
/// Bytes of a secret, as RFC 4226 asks for.
const SECRET_BYTES: usize = 20;
/// Seconds for which a code is shown.
pub const STEP_S: i64 = 30;
/// Steps before and after the present one whose codes are taken: for clocks that differ, and slow fingers.
const STEPS_ASIDE: i64 = 1;
/// Digits of a code.
const CODE_DIGITS: usize = 6;
/// Characters of a recovery code without its hyphens: 16 of base 32 hold 80 bits.
const RECOVERY_CHARS: usize = 16;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A secret that an authenticator shares.
pub struct TotpSecret(Zeroizing<Vec<u8>>);

impl TotpSecret {
    /// A new one. `rng` must be unguessable.
    pub fn generate(rng: &mut dyn Rng) -> Self {
        let mut bytes = Zeroizing::new(vec![0; SECRET_BYTES]);
        rng.fill(&mut bytes);
        Self(bytes)
    }

    /// As it is typed into an authenticator: base 32.
    pub fn to_base32(&self) -> Secret<String> {
        Secret::new(base32(&self.0))
    }

    /// The step whose code this is, if it is one that is taken at `now_s` and comes after `last_step`: a code is
    /// good once.
    pub fn step_of(&self, code: &str, now_s: i64, last_step: i64) -> Option<i64> {
        let present = now_s.div_euclid(STEP_S);
        let mut found = None;
        for step in present - STEPS_ASIDE..=present + STEPS_ASIDE {
            let fits = bool::from(self.code(step).as_bytes().ct_eq(code.as_bytes()));
            if fits && step > last_step {
                found = Some(step);
            }
        }
        found
    }

    /// The code of a step (RFC 4226, 5.3).
    pub fn code(&self, step: i64) -> String {
        // HMAC takes keys of any length.
        #[allow(clippy::expect_used)]
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.0).expect("a key of any length fits");
        mac.update(&step.to_be_bytes());
        let hash: [u8; 20] = mac.finalize().into_bytes().into();
        let at = usize::from(hash[19] & 0xf);
        let number = u32::from_be_bytes([hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]]);
        format!("{:0CODE_DIGITS$}", number % 10_u32.pow(CODE_DIGITS as u32))
    }
}

/// Seals what belongs to users: the secrets of their authenticators.
pub struct UserSealer {
    key: Secret<[u8; KEY_BYTES]>,
}

impl UserSealer {
    pub(crate) const fn new(key: Secret<[u8; KEY_BYTES]>) -> Self {
        Self { key }
    }

    /// Seals a user's secret: `u1.<base64url>`. It opens for that user alone.
    pub fn seal(&self, user: UserId, secret: &TotpSecret, rng: &mut dyn Rng) -> String {
        seal_text(FORM, &self.key, &place(user), &secret.0, rng)
    }

    /// Opens what [`UserSealer::seal`] made for the same user.
    ///
    /// # Errors
    /// If it was sealed for another one, with another key, or changed since.
    pub fn open(&self, user: UserId, sealed: &str) -> Result<TotpSecret, OpenError> {
        let what = format!("the one-time secret of user `{user}`");
        let bytes = open_text(FORM, &self.key, &place(user), sealed, &what)?;
        Ok(TotpSecret(Zeroizing::new(bytes.to_vec())))
    }
}

fn place(user: UserId) -> Vec<u8> {
    associated_data(&[b"totp", user.as_uuid().as_bytes()])
}

/// A new recovery code: `XXXX-XXXX-XXXX-XXXX`. Shown once; only its hash is kept.
pub fn generate_recovery_code(rng: &mut dyn Rng) -> Secret<String> {
    let mut bytes = Zeroizing::new([0; RECOVERY_CHARS * 5 / 8]);
    rng.fill(bytes.as_mut_slice());
    let text = Zeroizing::new(base32(bytes.as_slice()));
    let groups: Vec<&str> =
        text.as_bytes().chunks(4).filter_map(|chunk| std::str::from_utf8(chunk).ok()).collect();
    Secret::new(groups.join("-"))
}

/// The recovery code that somebody has typed, as it was shown; none if it cannot be one.
pub fn read_recovery_code(text: &str) -> Option<Secret<String>> {
    let typed: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let typed = Zeroizing::new(typed.to_ascii_uppercase());
    if typed.len() != RECOVERY_CHARS || !typed.bytes().all(|byte| BASE32.contains(&byte)) {
        return None;
    }
    let groups: Vec<&str> =
        typed.as_bytes().chunks(4).filter_map(|chunk| std::str::from_utf8(chunk).ok()).collect();
    Some(Secret::new(groups.join("-")))
}

/// RFC 4648 without padding.
fn base32(bytes: &[u8]) -> String {
    let (mut text, mut held, mut bits) = (String::with_capacity(bytes.len() * 8 / 5 + 1), 0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(BASE32[(held >> bits & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(BASE32[(held << (5 - bits) & 31) as usize]));
    }
    text
}

#[cfg(test)]
mod tests {
    use types::SeededRng;

    use super::*;
    use crate::MasterKeys;

    fn secret_of_the_rfc() -> TotpSecret {
        TotpSecret(Zeroizing::new(b"12345678901234567890".to_vec()))
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B: the last six of its eight digits.
        for (time_s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret_of_the_rfc().code(time_s / STEP_S), code, "{time_s}");
        }
        assert_eq!(secret_of_the_rfc().to_base32().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for (bytes, text) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_code_is_good_once_and_for_a_step_before_and_after() {
        let (secret, now) = (secret_of_the_rfc(), 1_111_111_111);
        let present = now / STEP_S;
        for (step, taken) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let step = present + step;
            let code = secret.code(step);
            assert_eq!(secret.step_of(&code, now, 0), taken.then_some(step), "{step}");
            assert_eq!(secret.step_of(&code, now, step), None, "{step}");
        }
        for code in ["", "05047", "0504711", "x", "050472"] {
            assert_eq!(secret.step_of(code, now, 0), None, "{code}");
        }
    }

    #[test]
    fn a_sealed_secret_opens_for_its_user_under_rotated_keys() {
        let mut rng = SeededRng::from_u64(1);
        let mut keys = MasterKeys::generate(&mut rng);
        let secret = TotpSecret::generate(&mut rng);
        let sealed = keys.user_sealer().seal(UserId::of_name("a"), &secret, &mut rng);
        assert!(sealed.starts_with("u1."), "{sealed}");
        keys.rotate(&mut rng);
        keys.retire_older();
        let opened = keys.user_sealer().open(UserId::of_name("a"), &sealed).ok().unwrap();
        assert_eq!(opened.to_base32().expose(), secret.to_base32().expose());
        assert!(keys.user_sealer().open(UserId::of_name("b"), &sealed).is_err());
        let other = MasterKeys::generate(&mut rng);
        assert!(other.user_sealer().open(UserId::of_name("a"), &sealed).is_err());
    }

    #[test]
    fn a_recovery_code_is_read_however_it_is_typed() {
        let code = generate_recovery_code(&mut SeededRng::from_u64(1));
        let code = code.expose();
        assert_eq!(code.len(), 19);
        for typed in [
            code.clone(),
            code.to_lowercase(),
            code.replace('-', ""),
            format!(" {} ", code.replace('-', " ")),
        ] {
            assert_eq!(read_recovery_code(&typed).unwrap().expose(), code);
        }
        for text in ["", "123456", &code[1..], &format!("{code}A"), &code.replace('-', "1")] {
            assert!(read_recovery_code(text).is_none(), "{text}");
        }
    }
}
