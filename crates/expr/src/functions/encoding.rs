//! Functions that write text in another alphabet and back: Base64, hexadecimal, URLs.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::{Arguments, Function, entry};
use crate::budget::{Budget, Fault};
use crate::value::Value;

type Outcome = Result<Value, Fault>;

pub(super) const FUNCTIONS: &[Function] = &[
    entry(
        "toBase64",
        "toBase64(text) string",
        "The text in Base64.",
        ("toBase64(\"abc\")", "\"YWJj\""),
        (1, 1),
        encode_base64,
    ),
    entry(
        "fromBase64",
        "fromBase64(text) string",
        "The text of the Base64.",
        ("fromBase64(\"YWJj\")", "\"abc\""),
        (1, 1),
        |args, budget| {
            let bytes = STANDARD.decode(without(args.text(0)?, &['\r', '\n']).as_bytes()).ok();
            decoded(bytes, "Base64", budget)
        },
    ),
    entry(
        "encode_base_64",
        "encode_base_64(text) string",
        "The same as `toBase64`.",
        ("encode_base_64(\"abc\")", "\"YWJj\""),
        (1, 1),
        encode_base64,
    ),
    entry(
        "decode_base_64",
        "decode_base_64(text) string",
        "The text of the Base64, in either alphabet, with padding or without.",
        ("decode_base_64(\"_w==\") != decode_base_64(\"YWI\")", "true"),
        (1, 1),
        |args, budget| {
            let text = without(args.text(0)?, &[' ', '\t', '\r', '\n']);
            let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
            let bytes = engines.iter().find_map(|engine| engine.decode(text.as_bytes()).ok());
            decoded(bytes, "Base64", budget)
        },
    ),
    entry(
        "encode_hex",
        "encode_hex(text) string",
        "The bytes of the text as hexadecimal digits.",
        ("encode_hex(\"ab\")", "\"6162\""),
        (1, 1),
        |args, budget| {
            budget.text_len(args.text(0)?.len() * 2)?;
            Ok(hex(args.text(0)?.as_bytes()).into())
        },
    ),
    entry(
        "decode_hex",
        "decode_hex(text) string",
        "The text of the hexadecimal digits.",
        ("decode_hex(\"6162\")", "\"ab\""),
        (1, 1),
        |args, budget| decoded(unhex(args.text(0)?), "hexadecimal", budget),
    ),
    entry(
        "query_escape",
        "query_escape(text) string",
        "As it may stand in the query of a URL.",
        ("query_escape(\"a b&c\")", "\"a+b%26c\""),
        (1, 1),
        query_escape,
    ),
    entry(
        "query_unescape",
        "query_unescape(text) string",
        "As it was before `query_escape`.",
        ("query_unescape(\"a+b%26c\")", "\"a b&c\""),
        (1, 1),
        query_unescape,
    ),
];

fn encode_base64(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    budget.text_len(args.text(0)?.len() / 3 * 4 + 4)?;
    Ok(STANDARD.encode(args.text(0)?.as_bytes()).into())
}

/// The text without those characters, with which long lines are broken.
fn without<'t>(text: &'t str, characters: &[char]) -> Cow<'t, str> {
    if text.contains(characters) { text.replace(characters, "").into() } else { text.into() }
}

/// The text of decoded bytes; bytes that are no text become replacement characters.
fn decoded(bytes: Option<Vec<u8>>, what: &str, budget: &mut Budget<'_>) -> Outcome {
    let bytes = bytes.ok_or_else(|| Fault::value(format!("the text is not {what}")))?;
    budget.text(String::from_utf8_lossy(&bytes))
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|char| char.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

fn query_escape(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let text = args.text(0)?;
    budget.text_len(text.len() * 3)?;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            byte => drop(write!(out, "%{byte:02X}")),
        }
    }
    Ok(out.into())
}

fn query_unescape(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let text = args.text(0)?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let escaped =
                    tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()).and_then(unhex);
                let Some(escaped) = escaped else {
                    return Err(Fault::value("a `%` in the text is not followed by two hexadecimal digits"));
                };
                bytes.extend(escaped);
                rest = &tail[2..];
            }
            byte => bytes.push(*byte),
        }
    }
    decoded(Some(bytes), "escaped", budget)
}
