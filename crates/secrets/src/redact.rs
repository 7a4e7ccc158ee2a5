//! Taking the secrets that a step was given out of everything that it says: outputs, errors, log lines.
//!
//! Looks for each secret as it is and in the encodings that it meets on its way through HTTP and JSON, all
//! in one pass. It cannot find a secret that was reversed, hashed, encrypted or cut to pieces.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::Value as Json;
use types::limits::SECRET_MASK;

use crate::Secret;

/// Secrets with fewer bytes are not looked for: they would black out half of every text.
pub const REDACTED_BYTES_MIN: usize = 4;
/// Lines of a multi-line secret (a private key) are looked for one by one if they have as many bytes.
const LINE_BYTES_MIN: usize = 16;

/// Finds secrets and puts [`SECRET_MASK`] in their place. Holds them in plaintext while it lives, and its
/// memory is not wiped: make it when the step starts and drop it with the step.
pub struct Redactor {
    patterns: Option<AhoCorasick>,
}

impl Redactor {
    /// Looks for all of `secrets`.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret<String>>) -> Self {
        let mut patterns = BTreeSet::new();
        for secret in secrets {
            let secret = secret.expose();
            let lines =
                secret.lines().filter(|line| line.len() >= LINE_BYTES_MIN && !line.starts_with("-----"));
            for form in [secret.as_str(), secret.trim()].into_iter().chain(lines) {
                if form.len() >= REDACTED_BYTES_MIN {
                    encodings(form, &mut patterns);
                }
            }
        }
        Self { patterns: (!patterns.is_empty()).then(|| automaton(&patterns)) }
    }

    /// `text` without the secrets; borrowed if there was none in it.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let found = self.find(text.as_bytes());
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = String::with_capacity(text.len());
        let mut from = 0;
        for range in found {
            // Patterns are whole characters, so the ends of a match never split one.
            clean.push_str(text.get(from..range.start).unwrap_or_default());
            clean.push_str(SECRET_MASK);
            from = range.end;
        }
        clean.push_str(text.get(from..).unwrap_or_default());
        Cow::Owned(clean)
    }

    /// `bytes` without the secrets; borrowed if there was none in them.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let found = self.find(bytes);
        if found.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut clean = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for range in found {
            clean.extend_from_slice(&bytes[from..range.start]);
            clean.extend_from_slice(SECRET_MASK.as_bytes());
            from = range.end;
        }
        clean.extend_from_slice(&bytes[from..]);
        Cow::Owned(clean)
    }

    /// `value` without the secrets, keys of maps included. A number that holds one becomes the mask.
    pub fn json(&self, value: Json) -> Json {
        if self.patterns.is_none() {
            return value;
        }
        match value {
            Json::String(text) => match self.text(&text) {
                Cow::Borrowed(_) => Json::String(text),
                Cow::Owned(clean) => Json::String(clean),
            },
            Json::Number(number) if !self.find(number.to_string().as_bytes()).is_empty() => {
                Json::String(SECRET_MASK.to_owned())
            }
            Json::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Json::Object(entries) => entries
                .into_iter()
                .map(|(key, item)| (self.text(&key).into_owned(), self.json(item)))
                .collect(),
            plain => plain,
        }
    }

    /// Where the secrets are, in order; matches that overlap or touch are one.
    fn find(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let Some(patterns) = &self.patterns else {
            return Vec::new();
        };
        // Hits come in the order of their ends. Merged as they come: a text may be one hit after the other.
        let mut merged: Vec<Range<usize>> = Vec::new();
        for hit in patterns.find_overlapping_iter(bytes) {
            let mut range = hit.range();
            while let Some(last) = merged.pop_if(|last| range.start <= last.end) {
                range.start = range.start.min(last.start);
            }
            merged.push(range);
        }
        merged
    }
}

fn automaton(patterns: &BTreeSet<String>) -> AhoCorasick {
    // The kind that is built fastest: it serves one step.
    let mut builder = AhoCorasick::builder();
    let built = builder.kind(Some(AhoCorasickKind::NoncontiguousNFA)).build(patterns);
    // It fails only past 2^31 states; without it nothing may be said at all.
    #[allow(clippy::expect_used)]
    built.expect("the secrets of one step fit into an automaton")
}

/// Adds every form of `secret` that is looked for.
fn encodings(secret: &str, patterns: &mut BTreeSet<String>) {
    patterns.insert(secret.to_owned());
    patterns.extend(json_escaped(secret));
    for space in ["%20", "+"] {
        patterns.insert(percent_encoded(secret, space, |byte| format!("%{byte:02X}")));
        patterns.insert(percent_encoded(secret, space, |byte| format!("%{byte:02x}")));
    }
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    patterns.insert(hex.to_uppercase());
    patterns.insert(hex);
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        patterns.insert(engine.encode(secret));
    }
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        // In the middle of other data, as in `user:password`: what of the text the secret alone decides.
        for before in 0..3 {
            let encoded = engine.encode([&[0; 3][..before], secret.as_bytes()].concat());
            let first = (before * 8).div_ceil(6);
            let end = (before + secret.len()) * 8 / 6;
            patterns.insert(encoded[first..end].to_owned());
        }
    }
}

/// As a JSON string, with characters outside ASCII as they are and as `\u` escapes.
fn json_escaped(secret: &str) -> [String; 2] {
    let quoted = Json::String(secret.to_owned()).to_string();
    let escaped = quoted[1..quoted.len() - 1].to_owned();
    let mut ascii = String::new();
    for character in escaped.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    [escaped, ascii]
}

/// Everything but letters, digits and `-._~` as `escape` writes it; forms have their own `space`.
fn percent_encoded(secret: &str, space: &str, escape: fn(u8) -> String) -> String {
    let mut encoded = String::new();
    for byte in secret.bytes() {
        match byte {
            b' ' => encoded.push_str(space),
            b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&escape(byte)),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let secrets: Vec<Secret<String>> = secrets.iter().map(|secret| Secret::from(*secret)).collect();
        Redactor::new(&secrets)
    }

    fn check(secret: &str, text: &str, expected: &str) {
        assert_eq!(redactor(&[secret]).text(text), expected, "{secret:?} in {text:?}");
        assert_eq!(redactor(&[secret]).bytes(text.as_bytes()), expected.as_bytes());
    }

    #[test]
    fn a_secret_is_found_in_every_encoding() {
        check("hunter2", "password is hunter2!", "password is ********!");
        check("a/b c?", "x=a%2Fb%20c%3F&y", "x=********&y");
        check("a/b c?", "x=a%2fb%20c%3f&y", "x=********&y");
        check("a/b c?", "x=a%2Fb+c%3F&y", "x=********&y");
        check("say \"hi\"\n", r#"{"p":"say \"hi\"\n"}"#, r#"{"p":"********"}"#);
        check("pässword", r"p\u00e4ssword pässword", "******** ********");
        check("hunter2", "68756e74657232 68756E74657232", "******** ********");
        check("hunter2", "aHVudGVyMg== aHVudGVyMg", "******** ********");
        check("??>>~~ÿ", "Pz8-Pn5-w78= Pz8+Pn5+w78", "******** ********");
    }

    #[test]
    fn a_secret_inside_other_base64_is_found_at_every_alignment() {
        for user in ["u", "us", "use", "user"] {
            let encoded = STANDARD.encode(format!("{user}:a-long-secret-value:x"));
            let clean = redactor(&["a-long-secret-value"]).text(&encoded).into_owned();
            assert!(clean.contains(SECRET_MASK), "{user}: {clean}");
            // Next to the mask nothing is left but the neighbours' own characters.
            assert!(clean.len() <= SECRET_MASK.len() + 8 + 6, "{user}: {clean}");
        }
    }

    #[test]
    fn overlapping_secrets_leave_nothing_between() {
        let clean = redactor(&["abcdef", "defghi", "ghij"]);
        assert_eq!(clean.text("-abcdefghij-"), "-********-");
        assert_eq!(clean.text("ghijghij"), "********");
        assert_eq!(redactor(&["aaaa"]).text(&"a".repeat(1_000_000)), "********");
        assert_eq!(
            redactor(&["xabcdefx", "bcde"]).text("xabcdefx bcde xabcdef"),
            "******** ******** xa********f"
        );
    }

    #[test]
    fn short_secrets_and_no_secrets_change_nothing() {
        for redactor in [redactor(&[]), redactor(&["abc", ""])] {
            assert!(matches!(redactor.text("abc abc"), Cow::Borrowed("abc abc")));
            assert_eq!(redactor.json(json!({"abc": 1})), json!({"abc": 1}));
        }
    }

    #[test]
    fn a_private_key_is_found_line_by_line() {
        let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nAQEFAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----\n";
        check(key, "line: MIIEvQIBADANBgkqhkiG9w0", "line: ********");
        check(key, "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----");
        check("token1\n", "it is token1.", "it is ********.");
    }

    #[test]
    fn json_is_cleaned_in_values_keys_and_numbers() {
        let value = json!({"k-hunter2": ["hunter2", {"n": 12345678, "m": 1}], "b": true, "z": null});
        let clean = redactor(&["hunter2", "12345678"]).json(value);
        assert_eq!(
            clean,
            json!({"k-********": ["********", {"n": "********", "m": 1}], "b": true, "z": null})
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_secret_survives(secret in ".{4,30}", before in ".{0,5}", after in ".{0,5}") {
            prop_assume!(secret.len() >= REDACTED_BYTES_MIN && !SECRET_MASK.contains(&secret));
            let clean = redactor(&[&secret]);
            let escaped = Json::String(secret.clone()).to_string();
            for form in [secret.clone(), percent_encoded(&secret, "%20", |byte| format!("%{byte:02X}")), STANDARD.encode(&secret), escaped] {
                let text = format!("{before}{form}{after}");
                let clean = clean.text(&text);
                prop_assert!(clean.contains(SECRET_MASK), "{} -> {}", text, clean);
                prop_assert!(clean.len() <= text.len() - form.len() + 3 * SECRET_MASK.len(), "{} -> {}", text, clean);
            }
        }
    }
}
