//! Where a request comes from: the other end of its connection, unless that is a proxy of the operator's own, which says
//! for whom it asks.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// To which each proxy on the way appends the address that asked it.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// How the last proxy on the way was asked: `http` or `https`.
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The other end of the connection; an extension of requests that change something or want to become something else, and
/// of those without an API key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Who stands behind the trusted `proxies`: the last one that no proxy of theirs has vouched for.
pub(super) fn origin(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let mut origin = peer.to_canonical();
    // From the last to the first: what stands further left may have been there when the request came.
    let said = headers.get_all(FORWARDED_FOR).iter().rev();
    let said = said.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
    for text in said {
        if !proxies.iter().any(|network| network.contains(&origin)) {
            break;
        }
        let Some(address) = address(text.trim()) else { break };
        origin = address.to_canonical();
    }
    origin
}

/// Whether the request came over TLS: this server speaks none, so a trusted proxy must say so.
pub(super) fn is_secure(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> bool {
    let peer = peer.to_canonical();
    let said = headers.get_all(FORWARDED_PROTO).iter().next_back().and_then(|value| value.to_str().ok());
    let last = said.and_then(|said| said.rsplit(',').next());
    proxies.iter().any(|network| network.contains(&peer))
        && last.is_some_and(|last| last.trim().eq_ignore_ascii_case("https"))
}

/// Some proxies write a port, too.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_header_is_believed_as_far_as_trusted_proxies_have_written_it() {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        for (peer, headers, expected) in [
            ("192.0.2.1", vec![], "192.0.2.1"),
            ("192.0.2.1", vec!["203.0.113.9"], "192.0.2.1"),
            ("10.0.0.1", vec![], "10.0.0.1"),
            ("10.0.0.1", vec!["203.0.113.9"], "203.0.113.9"),
            ("::ffff:10.0.0.1", vec!["::ffff:203.0.113.9"], "203.0.113.9"),
            // Whoever asks may write what they like before what the proxies append.
            ("10.0.0.1", vec!["1.1.1.1, 203.0.113.9, 10.2.0.7"], "203.0.113.9"),
            ("10.0.0.1", vec!["1.1.1.1", "203.0.113.9,10.2.0.7"], "203.0.113.9"),
            ("fd00::1", vec!["[2001:db8::7]:4711"], "2001:db8::7"),
            ("fd00::1", vec!["[2001:db8::7]"], "2001:db8::7"),
            ("10.0.0.1", vec!["203.0.113.9:80"], "203.0.113.9"),
            ("10.0.0.1", vec!["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.1", vec![""], "10.0.0.1"),
        ] {
            let values = headers.iter().map(|value| HeaderValue::from_static(value));
            let mut map = HeaderMap::new();
            for value in values {
                map.append(FORWARDED_FOR, value);
            }
            let found = origin(peer.parse().unwrap(), &map, &proxies);
            assert_eq!(found.to_string(), expected, "{peer} {headers:?}");
        }
        for (peer, said, secure) in [
            ("10.0.0.1", "https", true),
            ("10.0.0.1", "http, HTTPS", true),
            ("10.0.0.1", "https, http", false),
            ("10.0.0.1", "", false),
            ("192.0.2.1", "https", false),
        ] {
            let map = HeaderMap::from_iter([(
                http::HeaderName::from_static(FORWARDED_PROTO),
                HeaderValue::from_static(said),
            )]);
            assert_eq!(is_secure(peer.parse().unwrap(), &map, &proxies), secure, "{peer} {said}");
        }
        let nobody = origin("10.0.0.1".parse().unwrap(), &HeaderMap::new(), &[]);
        assert_eq!(nobody.to_string(), "10.0.0.1");
    }
}
