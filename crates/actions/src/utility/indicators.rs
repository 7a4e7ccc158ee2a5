//! Indicators in text: addresses, hosts, links, digests. What was defanged is found too, as it was before.
//!
//! Texts come from tickets, mails and logs, so an indicator is told from the punctuation around it, not from a
//! grammar: a candidate is cut out generously, then trimmed, then tested.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::LazyLock;

use regex::{Captures, Regex};

// The expression language finds the same with `extract_ips` and its like; the crate of actions may not know that of
// expressions, so what an indicator is stands in both.

/// The patterns below are constants that a test compiles; none of them can fail at run time.
type Pattern = LazyLock<Option<Regex>>;

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: Pattern = LazyLock::new(|| Regex::new($text).ok());
    };
}

pattern!(ADDRESS, r"[0-9A-Za-z_.:]+");
pattern!(URL, r"(?i)\b(?:https?|ftps?)://[^\s<>`{}|\\^]+");
pattern!(NEXT_URL, r"(?i)[,;](?:https?|ftps?)://");
pattern!(
    DOMAIN,
    r"(?i)\b(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.)+(?:\p{L}{2,63}|xn--[a-z0-9-]{1,59})\b"
);
pattern!(
    MAIL_HOST,
    r"(?i)@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.)+(?:\p{L}{2,63}|xn--[a-z0-9-]{1,59})\b"
);
pattern!(HASH, r"\b[0-9A-Fa-f]{32,128}\b");
pattern!(FANGED_SCHEME, r"(?i)\b(h(?:xx|\*\*|tt)ps?|f[xt]ps?)(?:\[:\]//|\[://\]|://)");
pattern!(FANGED_SIGN, r"(?i)\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)|\[:\]|\[@\]|\(@\)|\[at\]|\(at\)");
pattern!(CVE, r"(?i)\bCVE-[0-9]{4}-[0-9]{4,19}\b");

/// What follows the last dot of a file's name, and of no host's.
const FILE_ENDINGS: [&str; 48] = [
    "asp", "aspx", "avi", "bak", "bat", "bin", "bmp", "cfg", "cmd", "conf", "css", "csv", "dat", "dll",
    "doc", "docx", "eml", "exe", "gif", "gz", "htm", "html", "ini", "jar", "jpeg", "jpg", "js", "json",
    "jsp", "lnk", "log", "msi", "pdf", "php", "png", "ppt", "pptx", "rar", "svg", "sys", "tar", "tmp", "txt",
    "xls", "xlsx", "xml", "yaml", "yml",
];

/// The text as it was before it was defanged.
pub(super) fn refang(text: &str) -> Cow<'_, str> {
    // By far most texts have nothing of the sort in them.
    let text = match text.contains("[:") || text.contains("://") {
        true => replace(&FANGED_SCHEME, text, |captures| {
            let scheme = captures.get(1).map_or("", |found| found.as_str());
            let scheme = scheme.replace(['x', 'X', '*'], "t");
            format!("{scheme}://")
        }),
        false => Cow::Borrowed(text),
    };
    if !text.contains(['[', '(', '{']) {
        return text;
    }
    let sign = |captures: &Captures<'_>| {
        let sign = captures[0].to_ascii_lowercase();
        let sign = if sign.contains("at") || sign.contains('@') {
            "@"
        } else if sign.contains(':') {
            ":"
        } else {
            "."
        };
        sign.to_owned()
    };
    Cow::Owned(replace(&FANGED_SIGN, &text, sign).into_owned())
}

fn replace<'t>(pattern: &Pattern, text: &'t str, new: impl Fn(&Captures<'_>) -> String) -> Cow<'t, str> {
    pattern.as_ref().map_or(Cow::Borrowed(text), |regex| regex.replace_all(text, new))
}

/// All matches of the pattern.
fn matches<'t>(pattern: &'static Pattern, text: &'t str) -> impl Iterator<Item = &'t str> {
    pattern.iter().flat_map(|regex| regex.find_iter(text)).map(|found| found.as_str())
}

/// The IPv4 and IPv6 addresses, without port, zone and length of a network.
pub(super) fn ips(text: &str) -> impl Iterator<Item = &str> {
    matches(&ADDRESS, text).filter_map(|found| {
        let found = found.trim_matches('.');
        let is_ip = |text: &&str| text.parse::<IpAddr>().is_ok();
        // `10.0.0.1:443`, `addr:2001:db8::1`, and what a sentence puts after it.
        let before = found.rsplit_once(':').map(|(before, _)| before).filter(|before| !before.contains(':'));
        let after = found.split_once(':').map(|(_, after)| after);
        let sentence = found.strip_suffix(':');
        [Some(found), before, after, sentence].into_iter().flatten().find(is_ip)
    })
}

/// The web addresses, without the punctuation of the sentence around them.
pub(super) fn urls(text: &str) -> impl Iterator<Item = &str> {
    matches(&URL, text).flat_map(|found| {
        // Lists without spaces, which would else be one address.
        let mut parts = Vec::new();
        let mut rest = found;
        while let Some(next) = NEXT_URL.as_ref().and_then(|regex| regex.find(rest)) {
            parts.push(trimmed_url(&rest[..next.start()]));
            rest = &rest[next.start() + 1..];
        }
        parts.push(trimmed_url(rest));
        parts.into_iter().filter(|url| !url.ends_with("://"))
    })
}

fn trimmed_url(mut url: &str) -> &str {
    // A quote ends it wherever it stands.
    url = url.split(['"', '\'', '“', '”', '’', '»', '«']).next().unwrap_or(url);
    // How many more brackets are closed than opened; such a one belongs to the text around.
    let unpaired =
        |open: char, close: char| url.matches(close).count().saturating_sub(url.matches(open).count());
    let (mut round, mut square) = (unpaired('(', ')'), unpaired('[', ']'));
    while let Some((last, char)) = url.char_indices().next_back() {
        match char {
            '.' | ',' | ';' | '!' | '?' | '*' | '_' | '。' | '，' | '…' => {}
            ':' if !url.ends_with("://") => {}
            ')' if round > 0 => round -= 1,
            ']' if square > 0 => square -= 1,
            _ => break,
        }
        url = &url[..last];
    }
    url
}

/// The names of hosts: those of web addresses, of mail addresses, and those that stand by themselves, but for
/// names of files.
pub(super) fn domains(text: &str) -> impl Iterator<Item = &str> {
    let found = DOMAIN.iter().flat_map(|regex| regex.find_iter(text));
    // Where each web address begins, where its host ends, and where it ends itself.
    let urls = URL.iter().flat_map(|regex| regex.find_iter(text)).map(|url| {
        let host = url.as_str().find("://").map_or(0, |at| at + 3);
        let path = url.as_str().get(host..).and_then(|rest| rest.find(['/', '?', '#']));
        (url.start(), path.map_or(url.end(), |path| url.start() + host + path), url.end())
    });
    let mut urls = urls.peekable();
    found.filter_map(move |found| {
        while urls.next_if(|(_, _, end)| *end <= found.start()).is_some() {}
        let domain = found.as_str();
        if let Some((_, host_end, _)) = urls.peek().filter(|(start, ..)| *start <= found.start()) {
            // What is in the path or the query of a web address is no host.
            return (found.start() < *host_end).then_some(domain);
        }
        let ending = domain.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        (!FILE_ENDINGS.contains(&ending.as_str())).then_some(domain)
    })
}

/// The mail addresses. What is before the `@` is looked for from there, so that it is looked for once.
pub(super) fn emails(text: &str) -> impl Iterator<Item = &str> {
    const LOCAL_CHARS_MAX: usize = 64;
    let hosts = MAIL_HOST.iter().flat_map(|regex| regex.find_iter(text));
    hosts.filter_map(move |host| {
        let at = host.start();
        let local = text[..at].char_indices().rev().take(LOCAL_CHARS_MAX);
        let (start, _) =
            local.take_while(|(_, char)| char.is_alphanumeric() || "._%+'-".contains(*char)).last()?;
        let local = text[start..at].trim_start_matches(['.', '-', '\'']);
        let whole = !local.is_empty() && !local.ends_with(['.', '\'']);
        whole.then(|| &text[at - local.len()..host.end()])
    })
}

/// The digests of the lengths of MD5, SHA-1, SHA-256, SHA-384 and SHA-512.
pub(super) fn hashes(text: &str) -> impl Iterator<Item = &str> {
    matches(&HASH, text).filter(|found| matches!(found.len(), 32 | 40 | 64 | 96 | 128))
}

/// The numbers of vulnerabilities, such as `CVE-2021-44228`.
pub(super) fn cves(text: &str) -> impl Iterator<Item = &str> {
    matches(&CVE, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        let all = [&ADDRESS, &URL, &NEXT_URL, &DOMAIN, &MAIL_HOST, &HASH, &FANGED_SCHEME, &FANGED_SIGN, &CVE];
        assert!(all.into_iter().all(|pattern| pattern.is_some()));
        assert!(FILE_ENDINGS.is_sorted());
    }
}
