//! Signatures of AWS, version 4: what `Authorization: AWS4-HMAC-SHA256` must hold so that AWS knows the
//! caller. Called by the authentication of requests for types with `aws_sigv4`. Pure: the instant is handed
//! in. Tested against the vectors that AWS publishes. Does not presign addresses nor sign bodies in chunks.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use reqwest::Url;
use sha2::{Digest, Sha256};

use crate::http::OutgoingRequest;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Headers that proxies and clients change on the way, so that no signature may depend on them.
const UNSIGNED: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::CONNECTION,
    header::EXPECT,
    header::TRANSFER_ENCODING,
    header::USER_AGENT,
];

/// Whose signature it is, and for what.
pub(super) struct Signing<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) secret_access_key: &'a str,
    /// Of temporary credentials; empty for none.
    pub(super) session_token: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    /// `20150830T123600Z`.
    pub(super) time: &'a str,
}

/// A part of the request, or of the credentials, that no header can hold.
#[derive(Debug)]
pub(super) struct Unsignable;

impl Signing<'_> {
    /// Signs `request`: brings its query into the one order and spelling that is signed, and adds the
    /// headers. Whoever changes the request afterwards breaks the signature.
    pub(super) fn sign(&self, request: &mut OutgoingRequest) -> Result<(), Unsignable> {
        let body_hash = hex(&Sha256::digest(&request.body));
        let query = canonical_query(&request.url);
        request.url.set_query((!query.is_empty()).then_some(query.as_str()));

        let headers = &mut request.headers;
        insert(headers, HeaderName::from_static("x-amz-date"), self.time)?;
        if !self.session_token.is_empty() {
            insert(headers, HeaderName::from_static("x-amz-security-token"), self.session_token)?;
        }
        if self.is_s3() {
            insert(headers, HeaderName::from_static("x-amz-content-sha256"), &body_hash)?;
        }
        let (names, values) = canonical_headers(headers, &request.url)?;
        let path = canonical_path(request.url.path(), !self.is_s3());
        let canonical = format!("{}\n{path}\n{query}\n{values}\n{names}\n{body_hash}", request.method);
        let authorization = self.authorization(&names, &canonical);
        insert(&mut request.headers, header::AUTHORIZATION, &authorization)
    }

    /// S3 takes paths as they are and wants the body's hash in a header.
    fn is_s3(&self) -> bool {
        self.service.starts_with("s3")
    }

    fn authorization(&self, signed_headers: &str, canonical_request: &str) -> String {
        let date = self.time.get(..8).unwrap_or_default();
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let hash = hex(&Sha256::digest(canonical_request));
        let to_sign = format!("{ALGORITHM}\n{}\n{scope}\n{hash}", self.time);
        let mut key = hmac(format!("AWS4{}", self.secret_access_key).as_bytes(), date);
        for part in [self.region, self.service, "aws4_request"] {
            key = hmac(&key, part);
        }
        let signature = hex(&hmac(&key, &to_sign));
        let credential = format!("{}/{scope}", self.access_key_id);
        format!("{ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, Signature={signature}")
    }
}

/// Service and region as the host of an API of AWS names them, `<service>.<region>.amazonaws.com` and its
/// relatives; each absent where the host does not say it.
pub(super) fn service_and_region(host: &str) -> (Option<&str>, Option<&str>) {
    let suffixes = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];
    let Some(name) = suffixes.iter().find_map(|suffix| host.strip_suffix(suffix)) else {
        return (None, None);
    };
    let labels: Vec<&str> = name.split('.').filter(|label| *label != "dualstack").collect();
    let (region, labels) = match labels.as_slice() {
        [rest @ .., last] if is_region(last) => (Some(*last), rest),
        all => (None, all),
    };
    (labels.last().map(|label| signing_name(label)), region)
}

/// `us-east-1`, `us-gov-west-1`.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let number =
        parts.last().is_some_and(|last| !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()));
    parts.len() >= 3 && number && parts[0].len() == 2
}

/// Some services are signed for under another name than their address has.
fn signing_name(label: &str) -> &str {
    match label {
        "email" => "ses",
        "bedrock-runtime" | "bedrock-agent" | "bedrock-agent-runtime" => "bedrock",
        "s3-fips" => "s3",
        other => other.strip_suffix("-fips").unwrap_or(other),
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), Unsignable> {
    let mut value = HeaderValue::from_str(value).map_err(|_| Unsignable)?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// The names that are signed, and `name:value` a line; `host` is always among them.
fn canonical_headers(headers: &HeaderMap, url: &Url) -> Result<(String, String), Unsignable> {
    let mut lines: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let host = url.host_str().ok_or(Unsignable)?;
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    lines.insert("host", vec![host]);
    for (name, value) in headers.iter().filter(|(name, _)| !UNSIGNED.contains(name) && **name != header::HOST)
    {
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Unsignable)?;
        let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
        lines.entry(name.as_str()).or_default().push(folded);
    }
    let names = lines.keys().copied().collect::<Vec<_>>().join(";");
    let values = lines.iter().map(|(name, values)| format!("{name}:{}\n", values.join(","))).collect();
    Ok((names, values))
}

/// The path as it is signed. `url::Url` has resolved `.` and `..` already; all services but S3 also drop
/// empty segments and encode once more what is encoded.
fn canonical_path(path: &str, encode_again: bool) -> String {
    if !encode_again {
        return path.to_owned();
    }
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| encode(segment.as_bytes()))
        .collect();
    let end = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

/// The query in the order and the spelling that are signed.
fn canonical_query(url: &Url) -> String {
    let encoded = |(name, value): (_, _)| -> (String, String) {
        let (name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>) = (name, value);
        (encode(name.as_bytes()), encode(value.as_bytes()))
    };
    let mut pairs: Vec<(String, String)> = url.query_pairs().map(encoded).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes a key of any length: the error cannot occur.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    /// The credentials, instant and host of AWS's test suite.
    fn check(method: Method, path: &str, headers: &[(&str, &str)], body: &str, names: &str, signature: &str) {
        let url = Url::parse(&format!("https://example.amazonaws.com{path}")).unwrap();
        let mut request = OutgoingRequest::new(method, url);
        for (name, value) in headers {
            request.headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        request.body = body.to_owned().into();
        let signing = Signing {
            access_key_id: "AKIDEXAMPLE",
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            session_token: "",
            region: "us-east-1",
            service: "service",
            time: "20150830T123600Z",
        };
        signing.sign(&mut request).unwrap();
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders={names}, Signature={signature}"
        );
        assert_eq!(request.headers["authorization"], expected, "{path}");
    }

    #[test]
    fn the_published_vectors_are_met() {
        const PLAIN: &str = "host;x-amz-date";
        let get = |path, signature| check(Method::GET, path, &[], "", PLAIN, signature);
        let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        get("/", vanilla);
        get("/./", vanilla);
        get("/example/..", vanilla);
        get("//", vanilla);
        let ordered = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
        get("/?Param1=value1&Param2=value2", ordered);
        get("/?Param2=value2&Param1=value1", ordered);
        get("/?\u{1234}=bar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04");
        get(
            "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        );
        check(
            Method::POST,
            "/",
            &[],
            "",
            PLAIN,
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        );
        check(
            Method::POST,
            "/",
            &[("Content-Type", "application/x-www-form-urlencoded")],
            "Param1=value1",
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        );
        check(
            Method::GET,
            "/",
            &[("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
            "",
            "host;my-header1;x-amz-date",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        );
    }

    #[test]
    fn paths_are_encoded_again_except_for_s3() {
        assert_eq!(canonical_path("/\u{1234}", true), "/%E1%88%B4");
        assert_eq!(canonical_path("/a%20b//c/", true), "/a%2520b/c/");
        assert_eq!(canonical_path("/a%20b//c/", false), "/a%20b//c/");
    }

    #[test]
    fn a_host_tells_service_and_region() {
        let check = |host, service, region| assert_eq!(service_and_region(host), (service, region), "{host}");
        check("ec2.eu-central-1.amazonaws.com", Some("ec2"), Some("eu-central-1"));
        check("iam.amazonaws.com", Some("iam"), None);
        check("bucket.name.s3.us-west-2.amazonaws.com", Some("s3"), Some("us-west-2"));
        check("s3.dualstack.us-west-2.amazonaws.com", Some("s3"), Some("us-west-2"));
        check("abc.execute-api.us-gov-west-1.amazonaws.com", Some("execute-api"), Some("us-gov-west-1"));
        check("sts.cn-north-1.amazonaws.com.cn", Some("sts"), Some("cn-north-1"));
        check("kms-fips.us-east-1.amazonaws.com", Some("kms"), Some("us-east-1"));
        check("email.us-east-1.amazonaws.com", Some("ses"), Some("us-east-1"));
        check("lambda.us-east-1.api.aws", Some("lambda"), Some("us-east-1"));
        check("minio.example.com", None, None);
    }
}
