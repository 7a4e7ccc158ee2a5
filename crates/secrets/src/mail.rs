//! Mail that waits to be sent. Its text may hold what opens something, the code of an invitation.

use types::{InviteId, Rng};

use crate::Secret;
use crate::aead::{KEY_BYTES, OpenError, associated_data, open_text, seal_text};

/// How a sealed text starts: the version of the format.
const FORM: &str = "m1";

/// Seals the texts of mails.
pub struct MailSealer {
    key: Secret<[u8; KEY_BYTES]>,
}

impl MailSealer {
    pub(crate) const fn new(key: Secret<[u8; KEY_BYTES]>) -> Self {
        Self { key }
    }

    /// Seals a mail's text: `m1.<base64url>`. It opens for the mail of that invitation alone. No two are the same.
    pub fn seal(&self, invite: InviteId, text: &Secret<String>, rng: &mut dyn Rng) -> String {
        seal_text(FORM, &self.key, &place(invite), text.expose().as_bytes(), rng)
    }

    /// Opens what [`MailSealer::seal`] made for the same invitation.
    ///
    /// # Errors
    /// If it was sealed for another one, with another key, or changed since.
    pub fn open(&self, invite: InviteId, sealed: &str) -> Result<Secret<String>, OpenError> {
        let what = format!("the mail of invitation `{invite}`");
        let bytes = open_text(FORM, &self.key, &place(invite), sealed, &what)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| OpenError::Unreadable { what })?;
        Ok(Secret::new(text.to_owned()))
    }
}

fn place(invite: InviteId) -> Vec<u8> {
    associated_data(&[b"mail", invite.as_uuid().as_bytes()])
}

#[cfg(test)]
mod tests {
    use types::SystemRng;

    use super::*;
    use crate::MasterKeys;

    #[test]
    fn a_text_opens_for_its_invitation_alone_and_after_a_rotation() {
        let mut keys = MasterKeys::generate(&mut SystemRng);
        let (mail, other) = (InviteId::of_name("a"), InviteId::of_name("b"));
        let sealed = keys.mail_sealer().seal(mail, &Secret::from("the code is é"), &mut SystemRng);
        assert!(!sealed.contains("code"));
        keys.rotate(&mut SystemRng);
        assert_eq!(keys.mail_sealer().open(mail, &sealed).ok().unwrap().expose(), "the code is é");
        assert!(keys.mail_sealer().open(other, &sealed).is_err());
        let stranger = MasterKeys::generate(&mut SystemRng);
        assert!(stranger.mail_sealer().open(mail, &sealed).is_err());
    }
}
