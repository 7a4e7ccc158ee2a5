//! The least of an HTTP client: one request on one connection to a server on this machine.
//! Load is made with wrk, not with this.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::failure::{Context, Failure, Outcome};

const TIMEOUT: Duration = Duration::from_secs(10);

/// A server to ask, and the key to ask it with.
pub(crate) struct Client {
    /// `127.0.0.1:8080`.
    pub(crate) address: String,
    pub(crate) api_key: String,
}

/// What came back.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn get(&self, path: &str) -> Outcome<Response> {
        self.send("GET", path, "")
    }

    pub(crate) fn post(&self, path: &str, json: &str) -> Outcome<Response> {
        self.send("POST", path, json)
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Outcome<Response> {
        let what = format!("{method} `{path}`");
        let mut stream = TcpStream::connect(&self.address).context(&what)?;
        stream.set_read_timeout(Some(TIMEOUT)).context(&what)?;
        // HTTP/1.0: the answer ends with the connection, so there are no chunks to put together.
        let request = format!(
            "{method} {path} HTTP/1.0\r\nhost: {}\r\nblink-api-key: {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            self.api_key,
            body.len()
        );
        stream.write_all(request.as_bytes()).context(&what)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).context(&what)?;
        parse(&answer).ok_or_else(|| Failure::new(format!("{what} gave no HTTP answer")))
    }
}

/// JSON as a part of a URL.
pub(crate) fn encoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn parse(answer: &str) -> Option<Response> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Response { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_is_its_status_and_its_body() {
        let response = parse("HTTP/1.0 404 Not Found\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        assert_eq!((response.status, response.body.as_str()), (404, "{}"));
        assert!(parse("garbage").is_none());
    }
}
