//! Takes out of what `uv` says what an operator has hidden, and cuts it to what fits into a message.

use super::PackagesSettings;

/// Bytes of what is told of the words of `uv`.
const SAID_BYTES_MAX: usize = 2000;
/// Shorter secrets would be found by chance; where they stand in an address they are taken out with its user.
const SECRET_BYTES_MIN: usize = 4;
const STARS: &str = "********";

pub(super) struct Redactor {
    /// Longest first.
    secrets: Vec<String>,
    /// The address of the index without its user.
    index: Option<String>,
}

impl Redactor {
    pub(super) fn new(settings: &PackagesSettings) -> Self {
        let values = settings.environment.iter().map(|(_, value)| value.open());
        let values: Vec<&str> = settings.index_url.iter().map(|url| url.open()).chain(values).collect();
        let mut secrets: Vec<String> = values.iter().flat_map(|value| secrets(value)).collect();
        secrets.retain(|secret| secret.len() >= SECRET_BYTES_MIN);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let index = settings.index_url.as_ref().map(|url| without_users(url.open()));
        let index = index
            .map(|url| url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/').to_owned());
        Self { secrets, index }
    }

    /// What may be told of it.
    pub(super) fn clean(&self, said: &str) -> String {
        let mut text = said.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret, STARS);
        }
        text = without_users(&text);
        if let Some(index) = &self.index {
            text = text.replace(index, "<index>");
        }
        let text = text.trim().strip_prefix("error: ").unwrap_or(text.trim());
        let mut end = text.len().min(SAID_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let cut = if end < text.len() { "…" } else { "" };
        format!("{}{cut}", text.get(..end).unwrap_or_default())
    }
}

/// The secret parts of an address: its user with password, each alone, and what is asked for behind `?`.
fn secrets(address: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some((_, rest)) = address.split_once("://")
        && let Some((user, _)) = rest.split(['/', '?', '#']).next().unwrap_or_default().rsplit_once('@')
    {
        found.push(user.to_owned());
        let secret = user.split_once(':').map_or(user, |(_, password)| password);
        found.extend([secret.to_owned(), percent_decoded(secret)]);
    }
    found.extend(address.split_once('?').map(|(_, query)| query.to_owned()));
    found
}

/// The text with the users taken out of all addresses in it.
fn without_users(text: &str) -> String {
    let mut clean = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let is_end =
            |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '`' | '"' | '\'' | '<' | '>');
        let host = after.get(..after.find(is_end).unwrap_or(after.len())).unwrap_or_default();
        let user = host.rfind('@').map_or(0, |at| at + 1);
        clean.push_str(before);
        clean.push_str("://");
        rest = after.get(user..).unwrap_or_default();
    }
    clean + rest
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::Hidden;
    use super::*;

    #[test]
    fn nothing_hidden_is_told() {
        let mut settings = PackagesSettings::new("/var/lib/x".into());
        let url = "https://robot:pa%2Fss%40word@index.example/team/simple/?key=abcdef".to_owned();
        settings.index_url = Some(Hidden::from(url));
        settings.environment =
            vec![("HTTPS_PROXY".to_owned(), Hidden::from("http://me:hush@proxy:3".to_owned()))];
        let redactor = Redactor::new(&settings);
        for (said, expected) in [
            (
                "error: cannot fetch `https://robot:pa%2Fss%40word@index.example/team/simple/a/?key=abcdef`\n",
                "cannot fetch `<index>/a/?********`",
            ),
            ("at https://robot:****@index.example/team/simple", "at <index>"),
            ("pa/ss@word and pa%2Fss%40word", "******** and ********"),
            ("proxy http://me:hush@proxy:3: hush", "proxy http://proxy:3: ********"),
            ("x://a@b://c d@e://f", "x://b://c d@e://f"),
        ] {
            assert_eq!(redactor.clean(said), expected);
        }
        assert!(!format!("{settings:?}").contains("hush") && !format!("{settings:?}").contains("pa%2F"));
    }

    #[test]
    fn what_is_long_is_cut() {
        let said = Redactor::new(&PackagesSettings::new("/x".into())).clean(&"ü".repeat(1500));
        assert_eq!(said, format!("{}…", "ü".repeat(1000)));
    }
}
