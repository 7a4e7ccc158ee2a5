//! Functions of the trade: indicators out of text, making them harmless, networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Arguments, Function, entry, indicators};
use crate::budget::{Budget, Fault};
use crate::value::Value;

type Outcome = Result<Value, Fault>;

/// What was found in a text.
type Found<'t> = Box<dyn Iterator<Item = &'t str> + 't>;

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
        |args, budget| extract(args, budget, |text| Box::new(indicators::ips(text))),
    ),
    entry(
        "extract_urls",
        "extract_urls(text) array",
        "The web addresses in the text, each once.",
        ("extract_urls(\"see https://a.example/x?y=1.\")", "[\"https://a.example/x?y=1\"]"),
        (1, 1),
        |args, budget| extract(args, budget, |text| Box::new(indicators::urls(text))),
    ),
    entry(
        "extract_domains",
        "extract_domains(text) array",
        "The names of hosts in the text, each once.",
        ("extract_domains(\"mail a@b.example or www.c.example\")", "[\"b.example\", \"www.c.example\"]"),
        (1, 1),
        |args, budget| extract(args, budget, |text| Box::new(indicators::domains(text))),
    ),
    entry(
        "extract_emails",
        "extract_emails(text) array",
        "The mail addresses in the text, each once.",
        ("extract_emails(\"from Ann <ann@b.example>\")", "[\"ann@b.example\"]"),
        (1, 1),
        |args, budget| extract(args, budget, |text| Box::new(indicators::emails(text))),
    ),
    entry(
        "extract_hashes",
        "extract_hashes(text) array",
        "The MD5, SHA-1, SHA-256, SHA-384 and SHA-512 digests in the text, each once.",
        ("extract_hashes(\"x d41d8cd98f00b204e9800998ecf8427e\")", "[\"d41d8cd98f00b204e9800998ecf8427e\"]"),
        (1, 1),
        |args, budget| extract(args, budget, |text| Box::new(indicators::hashes(text))),
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
        "Whether the address is none of the public internet: private, loopback, link-local, shared, reserved.",
        ("is_private_ip(\"192.168.1.1\")", "true"),
        (1, 1),
        |args, _| Ok(is_private(ip(args.text(0)?)?).into()),
    ),
];

/// Each of what `find` finds in the text once, in the order of the text.
fn extract(args: Arguments<'_>, budget: &mut Budget<'_>, find: for<'t> fn(&'t str) -> Found<'t>) -> Outcome {
    let text = args.text(0)?;
    budget.work(text.len() / 4)?;
    let text = indicators::refang(text);
    let mut found = indexmap::IndexSet::new();
    for indicator in find(&text) {
        budget.work(1)?;
        if found.insert(indicator) {
            budget.grow(found.len())?;
        }
    }
    budget.list(found.into_iter().map(Value::from).collect())
}

fn defang(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let text = args.text(0)?;
    budget.text_len(text.len().saturating_mul(3))?;
    Ok(indicators::defang(text).into())
}

fn refang(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let text = args.text(0)?;
    budget.text_len(text.len().saturating_mul(2))?;
    Ok(indicators::refang(text).as_ref().into())
}

fn ip(text: &str) -> Result<IpAddr, Fault> {
    // The zone of `fe80::1%eth0` says where the address holds, not which it is.
    let address = text.trim().split('%').next().unwrap_or_default();
    address.parse().map_err(|_| Fault::value(format!("`{text}` is not an IP address")))
}

fn cidr(text: &str) -> Result<(IpAddr, u32), Fault> {
    let invalid =
        || Fault::value(format!("`{text}` is not a network")).with_hint("a network is written `10.0.0.0/8`");
    let Some((address, bits)) = text.trim().split_once('/') else {
        // Lists of networks have single addresses in them.
        let address = ip(text).map_err(|_| invalid())?;
        return Ok((address, if address.is_ipv4() { 32 } else { 128 }));
    };
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

// Addresses for documentation stand for public ones, and are looked at as such.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_private_v4(ip),
        IpAddr::V6(ip) => {
            let [.., seventh, eighth] = ip.segments();
            // 64:ff9b::/96 is IPv4 seen through a translator.
            if ip.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
                return is_private_v4(Ipv4Addr::from_bits(u32::from(seventh) << 16 | u32::from(eighth)));
            }
            ip.is_loopback()
                || ip == Ipv6Addr::UNSPECIFIED
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
        }
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    // 100.64.0.0/10 is shared between carriers and their customers, 198.18.0.0/15 is for measuring networks.
    let shared = a == 100 && (64..128).contains(&b);
    let measuring = a == 198 && (b == 18 || b == 19);
    let reserved = a == 0 || a >= 240;
    ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared || measuring || reserved
}

#[cfg(test)]
mod tests {
    use super::*;

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
        check("10.0.0.1", "10.0.0.1", true);
        check("10.0.0.1", "10.0.0.2", false);
        check("fe80::/10", "fe80::1%eth0", true);
        assert!(cidr("10.0.0.0/33").is_err() && cidr("10.0.0").is_err());
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
        check("fe80::1%eth0", true);
        check("64:ff9b::a00:1", true);
        check("64:ff9b::808:808", false);
        check("2001:db8::1", false);
        check("0.1.2.3", true);
        check("255.255.255.255", true);
        check("192.0.2.1", false);
        check("198.18.0.1", true);
        check("224.0.0.1", false);
    }
}
