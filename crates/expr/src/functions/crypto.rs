//! Digests and random ids. For comparing and naming things; secrets are not made here.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::encoding::hex;
use super::{Arguments, Function, entry};
use crate::budget::{Budget, Fault};
use crate::value::Value;

type Outcome = Result<Value, Fault>;

pub(super) const FUNCTIONS: &[Function] = &[
    entry(
        "md5",
        "md5(text) string",
        "The MD5 digest in hexadecimal.",
        ("md5(\"\")", "\"d41d8cd98f00b204e9800998ecf8427e\""),
        (1, 1),
        digest::<Md5>,
    ),
    entry(
        "sha1",
        "sha1(text) string",
        "The SHA-1 digest in hexadecimal.",
        ("sha1(\"\")", "\"da39a3ee5e6b4b0d3255bfef95601890afd80709\""),
        (1, 1),
        digest::<Sha1>,
    ),
    entry(
        "sha256",
        "sha256(text) string",
        "The SHA-256 digest in hexadecimal.",
        ("sha256(\"\")[:16]", "\"e3b0c44298fc1c14\""),
        (1, 1),
        digest::<Sha256>,
    ),
    entry(
        "sha512",
        "sha512(text) string",
        "The SHA-512 digest in hexadecimal.",
        ("sha512(\"\")[:16]", "\"cf83e1357eefb8bd\""),
        (1, 1),
        digest::<Sha512>,
    ),
    entry(
        "hmac_sha256",
        "hmac_sha256(text, key) string",
        "The HMAC of the text by SHA-256 in hexadecimal.",
        ("hmac_sha256(\"what do ya want for nothing?\", \"Jefe\")[:16]", "\"5bdcc146bf60754e\""),
        (2, 2),
        hmac_sha256,
    ),
    entry(
        "random_uuid",
        "random_uuid() string",
        "A new UUID of version 4.",
        ("len(random_uuid())", "36"),
        (0, 0),
        |_, budget| {
            let mut bytes = [0; 16];
            budget.rng.fill(&mut bytes);
            budget.text(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
        },
    ),
];

fn digest<D: Digest>(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let text = args.text(0)?;
    budget.work(text.len() / 16)?;
    budget.text(hex(&D::digest(text.as_bytes())))
}

fn hmac_sha256(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let (text, key) = (args.text(0)?, args.text(1)?);
    budget.work((text.len() + key.len()) / 16)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .map_err(|_| Fault::value("the key of `hmac_sha256` is too long"))?;
    mac.update(text.as_bytes());
    budget.text(hex(&mac.finalize().into_bytes()))
}
