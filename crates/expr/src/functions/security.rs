//! Functions of the trade: indicators out of text, making them harmless, networks.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::LazyLock;

use regex::Regex;

use super::{Arguments, Function, entry};
use crate::budget::{Budget, Fault};
use crate::value::Value;

type Outcome = Result<Value, Fault>;

pub(super) const FUNCTIONS: &[Function] = &[
    entry(
        "defang",
        "defang(text) string",
        "Makes addresses in the text unclickable: `hxxp`, `[.]`, `[@]`.",
        ("defang(\"http://a.example/x\")", "\"hxxp://a[.]example/x\""),
        (1, 1),
        defang,
    ),
    entry(
        "refang",
        "refang(text) string",
        "Makes what was defanged an address again.",
        ("refang(\"hxxp://a[.]example/x\")", "\"http://a.example/x\""),
        (1, 1),
        refang,
    ),
    entry(
        "extract_ips",
        "extract_ips(text) array",
        "The IPv4 and IPv6 addresses in the text, each once.",
        ("extract_ips(\"10.0.0.1, ::1 and 999.0.0.1\")", "[\"10.0.0.1\", \"::1\"]"),
        (1, 1),
        |args, budget| extract(args, budget, &IP, |found| found.parse::<IpAddr>().is_ok()),
    ),
    entry(
        "extract_urls",
        "extract_urls(text) array",
        "The web addresses in the text, each once.",
        ("extract_urls(\"see https://a.example/x?y=1.\")", "[\"https://a.example/x?y=1\"]"),
        (1, 1),
        |args, budget| extract(args, budget, &URL, |_| true),
    ),
    entry(
        "extract_domains",
        "extract_domains(text) array",
        "The names of hosts in the text, each once.",
        ("extract_domains(\"mail a@b.example or www.c.example\")", "[\"b.example\", \"www.c.example\"]"),
        (1, 1),
        |args, budget| extract(args, budget, &DOMAIN, |_| true),
    ),
    entry(
        "extract_emails",
        "extract_emails(text) array",
        "The mail addresses in the text, each once.",
        ("extract_emails(\"from Ann <ann@b.example>\")", "[\"ann@b.example\"]"),
        (1, 1),
        |args, budget| extract(args, budget, &EMAIL, |_| true),
    ),
    entry(
        "extract_hashes",
        "extract_hashes(text) array",
        "The MD5, SHA-1, SHA-256 and SHA-512 digests in the text, each once.",
        ("extract_hashes(\"x d41d8cd98f00b204e9800998ecf8427e\")", "[\"d41d8cd98f00b204e9800998ecf8427e\"]"),
        (1, 1),
        |args, budget| extract(args, budget, &HASH, |found| matches!(found.len(), 32 | 40 | 64 | 128)),
    ),
    entry(
        "cidr_contains",
        "cidr_contains(cidr, ip) bool",
        "Whether the address is in the network.",
        ("cidr_contains(\"10.0.0.0/8\", \"10.1.2.3\")", "true"),
        (2, 2),
        |args, _| {
            let (network, bits) = cidr(args.text(0)?)?;
            Ok(in_network(ip(args.text(1)?)?, network, bits).into())
        },
    ),
    entry(
        "is_private_ip",
        "is_private_ip(ip) bool",
        "Whether the address is none of the public internet: private, loopback, link-local, shared.",
        ("is_private_ip(\"192.168.1.1\")", "true"),
        (1, 1),
        |args, _| Ok(is_private(ip(args.text(0)?)?).into()),
    ),
];

/// The patterns below are constants that a test compiles; none of them can fail at run time.
type Pattern = LazyLock<Option<Regex>>;

static IP: Pattern = LazyLock::new(|| {
    Regex::new(r"(?:\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b)|(?:[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})").ok()
});
static URL: Pattern =
    LazyLock::new(|| Regex::new(r#"(?i)\b(?:https?|ftps?)://[^\s<>"'\]\)}`]*[^\s<>"'\]\)}`.,;:!?]"#).ok());
static DOMAIN: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})\b").ok()
});
static EMAIL: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)\b[a-z0-9._%+-]+@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}\b").ok()
});
static HASH: Pattern = LazyLock::new(|| Regex::new(r"\b[0-9A-Fa-f]{32,128}\b").ok());
static FANGED_SCHEME: Pattern = LazyLock::new(|| Regex::new(r"(?i)\bh(?:xx|\*\*|tt)p(s?)(?:\[:\]|:)//").ok());
static SCHEME: Pattern = LazyLock::new(|| Regex::new(r"(?i)\bhttp(s?)://").ok());
static FANGED_DOT: Pattern = LazyLock::new(|| Regex::new(r"(?i)\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)").ok());
static FANGED_AT: Pattern = LazyLock::new(|| Regex::new(r"(?i)\[@\]|\(@\)|\[at\]|\(at\)").ok());
static ADDRESS: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)[a-z0-9._%+-]+@|(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:[a-z]{2,63}|[0-9]{1,3})\b").ok()
});

fn extract(
    args: Arguments<'_>,
    budget: &mut Budget<'_>,
    pattern: &Pattern,
    accept: fn(&str) -> bool,
) -> Outcome {
    let text = args.text(0)?;
    budget.work(text.len() / 4)?;
    let mut found = indexmap::IndexSet::new();
    for candidate in pattern.iter().flat_map(|regex| regex.find_iter(text)) {
        if accept(candidate.as_str()) && found.insert(candidate.as_str()) {
            budget.grow(found.len())?;
        }
    }
    budget.list(found.into_iter().map(Value::from).collect())
}

fn defang(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let text = args.text(0)?;
    budget.text_len(text.len().saturating_mul(3))?;
    let text = replace(&SCHEME, text, |captures| format!("hxxp{}://", &captures[1]));
    let text = replace(&ADDRESS, &text, |captures| captures[0].replace('.', "[.]").replace('@', "[@]"));
    Ok(text.into())
}

fn refang(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let text = args.text(0)?;
    budget.text_len(text.len().saturating_mul(2))?;
    let text = replace(&FANGED_SCHEME, text, |captures| format!("http{}://", &captures[1]));
    let text = replace(&FANGED_DOT, &text, |_| ".".to_owned());
    Ok(replace(&FANGED_AT, &text, |_| "@".to_owned()).into())
}

fn replace(pattern: &Pattern, text: &str, new: fn(&regex::Captures<'_>) -> String) -> String {
    match pattern.as_ref() {
        Some(regex) => regex.replace_all(text, new).into_owned(),
        None => text.to_owned(),
    }
}

fn ip(text: &str) -> Result<IpAddr, Fault> {
    text.trim().parse().map_err(|_| Fault::value(format!("`{text}` is not an IP address")))
}

fn cidr(text: &str) -> Result<(IpAddr, u32), Fault> {
    let invalid =
        || Fault::value(format!("`{text}` is not a network")).with_hint("a network is written `10.0.0.0/8`");
    let (address, bits) = text.trim().split_once('/').ok_or_else(invalid)?;
    let address: IpAddr = address.parse().map_err(|_| invalid())?;
    let bits: u32 = bits.parse().map_err(|_| invalid())?;
    if bits > if address.is_ipv4() { 32 } else { 128 } { Err(invalid()) } else { Ok((address, bits)) }
}

fn in_network(ip: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (ip.to_canonical(), network.to_canonical()) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            (ip.to_bits() ^ network.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => {
            (ip.to_bits() ^ network.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            // 100.64.0.0/10 is shared between carriers and their customers.
            let shared = a == 100 && (64..128).contains(&b);
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || shared
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip == Ipv6Addr::UNSPECIFIED
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        let all =
            [&IP, &URL, &DOMAIN, &EMAIL, &HASH, &FANGED_SCHEME, &SCHEME, &FANGED_DOT, &FANGED_AT, &ADDRESS];
        assert!(all.into_iter().all(|pattern| pattern.is_some()));
    }

    #[test]
    fn networks_hold_their_addresses() {
        let check = |network: &str, address: &str, inside: bool| {
            let (network, bits) = cidr(network).unwrap();
            assert_eq!(in_network(ip(address).unwrap(), network, bits), inside, "{address}");
        };
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("0.0.0.0/0", "255.255.255.255", true);
        check("192.0.2.7/32", "192.0.2.7", true);
        check("2001:db8::/32", "2001:db8:1::1", true);
        check("::/0", "::1", true);
        check("10.0.0.0/8", "::1", false);
        assert!(cidr("10.0.0.0/33").is_err() && cidr("10.0.0.0").is_err());
    }

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        let check =
            |address: &str, private: bool| assert_eq!(is_private(ip(address).unwrap()), private, "{address}");
        check("172.16.0.1", true);
        check("172.32.0.1", false);
        check("100.64.0.1", true);
        check("169.254.1.1", true);
        check("8.8.8.8", false);
        check("fe80::1", true);
        check("fd00::1", true);
        check("2606:4700::1", false);
        check("::ffff:10.0.0.1", true);
    }
}
