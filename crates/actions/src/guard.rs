//! Which addresses an action may reach. On by default: only the public Internet.
//!
//! The client asks for every address that a name resolves to, for every address written in a URL, and
//! again at every redirect, so that no name, rebinding or redirect leads into the network around the
//! runner. It judges addresses only; which hosts a connection's credentials may go to is the type's.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// What an address is for, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// Anyone's: may always be reached.
    Public,
    /// This machine.
    Loopback,
    /// A private network, or the carrier's between customers and Internet.
    Private,
    /// The same network segment only.
    LinkLocal,
    /// Where clouds give their machines credentials, or the platform's own control address.
    Metadata,
    /// Many receivers at once.
    Multicast,
    /// No address at all; systems take it for this machine.
    Unspecified,
    /// Documentation, benchmarks, tunnels without an owner, or not handed out.
    Reserved,
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Metadata => "cloud metadata",
            Self::Multicast => "multicast",
            Self::Unspecified => "unspecified",
            Self::Reserved => "reserved",
        })
    }
}

/// What is open beyond the public Internet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NetworkPolicy {
    /// Opens loopback and private networks. Link-local and metadata addresses stay closed: only a network in
    /// `allowed_networks` opens those.
    pub allow_private: bool,
    /// Networks that are open whatever they are.
    pub allowed_networks: Vec<IpNet>,
    /// Single ports of single addresses that are open whatever they are, where a URL names the address itself.
    pub allowed_endpoints: Vec<SocketAddr>,
}

impl NetworkPolicy {
    /// A policy with networks in their text form, `10.1.0.0/16` or a single address; the error is the text
    /// that is neither.
    pub fn parse<'a>(
        allow_private: bool,
        networks: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, &'a str> {
        let network = |text: &'a str| {
            let single = || text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or_else(|_| single()).map_err(|_| text)
        };
        let allowed_networks = networks.into_iter().map(network).collect::<Result<_, _>>()?;
        Ok(Self { allow_private, allowed_networks, allowed_endpoints: Vec::new() })
    }

    /// Whether that port of that address may be reached; if not, what the address is.
    pub fn check_endpoint(&self, endpoint: SocketAddr) -> Result<(), AddressKind> {
        if self.allowed_endpoints.contains(&endpoint) {
            return Ok(());
        }
        self.check(endpoint.ip())
    }

    /// Whether `address` may be reached; if not, what it is.
    pub fn check(&self, address: IpAddr) -> Result<(), AddressKind> {
        let address = address.to_canonical();
        let kind = kind_of(address);
        let open = match kind {
            AddressKind::Public => true,
            AddressKind::Loopback | AddressKind::Private => self.allow_private,
            _ => false,
        };
        if open || self.allowed_networks.iter().any(|network| network.contains(&address)) {
            return Ok(());
        }
        Err(kind)
    }
}

/// What `address` is for. An IPv6 address that only carries an IPv4 address is what that one is.
pub fn kind_of(address: IpAddr) -> AddressKind {
    match address.to_canonical() {
        IpAddr::V4(v4) => kind_of_v4(v4),
        IpAddr::V6(v6) => kind_of_v6(v6),
    }
}

/// IANA's special-purpose registry and the clouds' own addresses; the first match counts.
const V4: [(Ipv4Addr, u32, AddressKind); 24] = {
    use AddressKind::{Loopback, Metadata, Multicast, Private, Reserved, Unspecified};
    [
        (Ipv4Addr::new(169, 254, 169, 254), 32, Metadata), // AWS, Azure, GCP and most others
        (Ipv4Addr::new(169, 254, 170, 2), 32, Metadata),   // AWS ECS task credentials
        (Ipv4Addr::new(169, 254, 170, 23), 32, Metadata),  // AWS EKS pod identity
        (Ipv4Addr::new(100, 100, 100, 200), 32, Metadata), // Alibaba
        (Ipv4Addr::new(192, 0, 0, 192), 32, Metadata),     // Oracle
        (Ipv4Addr::new(168, 63, 129, 16), 32, Metadata),   // Azure's platform address, public by its number
        (Ipv4Addr::new(0, 0, 0, 0), 8, Unspecified),
        (Ipv4Addr::new(10, 0, 0, 0), 8, Private),
        (Ipv4Addr::new(100, 64, 0, 0), 10, Private), // carrier-grade NAT
        (Ipv4Addr::new(127, 0, 0, 0), 8, Loopback),
        (Ipv4Addr::new(169, 254, 0, 0), 16, AddressKind::LinkLocal),
        (Ipv4Addr::new(172, 16, 0, 0), 12, Private),
        (Ipv4Addr::new(192, 0, 0, 0), 24, Reserved),
        (Ipv4Addr::new(192, 0, 2, 0), 24, Reserved), // documentation
        (Ipv4Addr::new(192, 31, 196, 0), 24, Reserved),
        (Ipv4Addr::new(192, 52, 193, 0), 24, Reserved),
        (Ipv4Addr::new(192, 88, 99, 0), 24, Reserved), // 6to4 relays
        (Ipv4Addr::new(192, 168, 0, 0), 16, Private),
        (Ipv4Addr::new(192, 175, 48, 0), 24, Reserved),
        (Ipv4Addr::new(198, 18, 0, 0), 15, Reserved), // benchmarks
        (Ipv4Addr::new(198, 51, 100, 0), 24, Reserved),
        (Ipv4Addr::new(203, 0, 113, 0), 24, Reserved),
        (Ipv4Addr::new(224, 0, 0, 0), 4, Multicast),
        (Ipv4Addr::new(240, 0, 0, 0), 4, Reserved), // the broadcast address included
    ]
};

const fn v6(a: u16, b: u16, c: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)
}

const V6: [(Ipv6Addr, u32, AddressKind); 15] = {
    use AddressKind::{LinkLocal, Loopback, Metadata, Multicast, Private, Reserved, Unspecified};
    [
        (Ipv6Addr::UNSPECIFIED, 128, Unspecified),
        (Ipv6Addr::LOCALHOST, 128, Loopback),
        (Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254), 128, Metadata), // AWS
        (Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x23), 128, Metadata),  // AWS EKS
        (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128, Metadata),   // GCP
        (v6(0x64, 0xff9b, 1), 48, Private),                                   // NAT64, chosen locally
        (v6(0x2001, 0, 0), 32, Reserved),                                     // Teredo
        (v6(0x2001, 0, 0), 23, Reserved),                                     // benchmarks, ORCHID, others
        (v6(0x2001, 0xdb8, 0), 32, Reserved),
        (v6(0x3fff, 0, 0), 20, Reserved),
        (v6(0xfc00, 0, 0), 7, Private),
        (v6(0xfe80, 0, 0), 10, LinkLocal),
        (v6(0xfec0, 0, 0), 10, Private), // site-local, withdrawn but still routed by some
        (v6(0xff00, 0, 0), 8, Multicast),
        (v6(0x2000, 0, 0), 3, AddressKind::Public),
    ]
};

fn kind_of_v4(address: Ipv4Addr) -> AddressKind {
    let found = V4.iter().find(|(network, bits, _)| {
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        address.to_bits() & mask == network.to_bits()
    });
    found.map_or(AddressKind::Public, |(_, _, kind)| *kind)
}

fn kind_of_v6(address: Ipv6Addr) -> AddressKind {
    let found = V6.iter().find(|(network, bits, _)| {
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        address.to_bits() & mask == network.to_bits()
    });
    match (carried_v4(address), found) {
        // `::` and `::1` are also in the block of addresses that carry IPv4.
        (_, Some((_, 128, kind))) => *kind,
        (Some(v4), _) => kind_of_v4(v4),
        (None, Some((_, _, kind))) => *kind,
        // Outside 2000::/3 nothing has been handed out.
        (None, None) => AddressKind::Reserved,
    }
}

/// The IPv4 address to which a gateway would turn packets for `address`: IPv4-compatible, NAT64, 6to4.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = address.to_bits();
    let low =
        |shift: u32| Some(Ipv4Addr::from_bits(u32::try_from((bits >> shift) & 0xffff_ffff).unwrap_or(0)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => low(0),
        [0x2002, ..] => low(80),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(addresses: &[&str], expected: AddressKind) {
        for text in addresses {
            assert_eq!(kind_of(text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn public_addresses_are_open() {
        use AddressKind::Public;
        check(&["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1"], Public);
        check(&["192.0.1.1", "198.17.0.1", "198.20.0.1", "223.255.255.255", "11.0.0.1"], Public);
        check(&["2606:4700:4700::1111", "2a00:1450:4001::1", "64:ff9b::808:808", "2002:808:808::1"], Public);
        assert_eq!(NetworkPolicy::default().check("1.1.1.1".parse().unwrap()), Ok(()));
    }

    #[test]
    fn addresses_inside_are_known_in_every_disguise() {
        check(&["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "::127.0.0.1"], AddressKind::Loopback);
        check(&["64:ff9b::127.0.0.1", "2002:7f00:1::", "2002:7f00:0001:1::5"], AddressKind::Loopback);
        check(
            &["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"],
            AddressKind::Private,
        );
        check(&["fc00::1", "fdff::1", "fec0::1", "::ffff:10.0.0.1", "64:ff9b:1::5"], AddressKind::Private);
        check(&["64:ff9b::a00:1", "2002:c0a8:101::1", "::10.1.1.1"], AddressKind::Private);
        check(&["169.254.1.1", "fe80::1", "febf::1", "::ffff:169.254.1.1"], AddressKind::LinkLocal);
    }

    #[test]
    fn metadata_addresses_are_known() {
        let v4 = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16"];
        check(&v4, AddressKind::Metadata);
        let v6 = ["fd00:ec2::254", "fd20:ce::254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254"];
        check(&v6, AddressKind::Metadata);
        check(&["2002:a9fe:a9fe::1"], AddressKind::Metadata);
    }

    #[test]
    fn addresses_of_nobody_are_closed() {
        check(&["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"], AddressKind::Unspecified);
        check(&["224.0.0.1", "239.1.1.1", "ff02::1"], AddressKind::Multicast);
        check(
            &["192.0.2.1", "198.51.100.7", "203.0.113.7", "198.18.0.1", "240.0.0.1"],
            AddressKind::Reserved,
        );
        check(&["255.255.255.255", "192.0.0.8", "192.88.99.1"], AddressKind::Reserved);
        check(
            &["2001:db8::1", "3fff::1", "2001:2::1", "2001::1", "100::1", "4000::1"],
            AddressKind::Reserved,
        );
    }

    #[test]
    fn allowing_private_networks_does_not_open_metadata() {
        let policy = NetworkPolicy { allow_private: true, ..NetworkPolicy::default() };
        for open in ["127.0.0.1", "10.0.0.1", "::1", "fc00::1", "::ffff:192.168.0.1"] {
            assert_eq!(policy.check(open.parse().unwrap()), Ok(()), "{open}");
        }
        for closed in ["169.254.169.254", "169.254.1.1", "fd00:ec2::254", "0.0.0.0", "::", "224.0.0.1"] {
            assert!(policy.check(closed.parse().unwrap()).is_err(), "{closed}");
        }
    }

    #[test]
    fn a_listed_network_is_open_and_nothing_else() {
        let policy = NetworkPolicy::parse(false, ["10.1.0.0/16", "169.254.169.254"]).unwrap();
        for open in ["10.1.2.3", "169.254.169.254", "::ffff:10.1.2.3", "1.1.1.1"] {
            assert_eq!(policy.check(open.parse().unwrap()), Ok(()), "{open}");
        }
        assert_eq!(policy.check("10.2.0.1".parse().unwrap()), Err(AddressKind::Private));
        assert_eq!(policy.check("127.0.0.1".parse().unwrap()), Err(AddressKind::Loopback));
        assert_eq!(NetworkPolicy::parse(false, ["10.0.0.0/8", "10.0.0.0/33"]), Err("10.0.0.0/33"));
    }
}
