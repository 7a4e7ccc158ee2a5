//! The tool that workflows ask: an HTTP server of the test's own, which outlives the servers under test and
//! remembers every call.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The header under which a step may send its idempotency key.
const KEY_HEADER: &str = "idempotency-key";

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// `/run/step`.
    pub(crate) path: String,
    /// The idempotency key, if one came along.
    pub(crate) key: Option<String>,
}

/// A server that ends with the test process. Answers `{"said": "run/step"}`; at `/run/flaky...` with 503 to the first
/// call, at `/run/broken...` with 500 to each.
pub(crate) struct Tool {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Tool {
    /// A tool that takes its time: `delay` says how long for which path.
    pub(crate) fn start(delay: fn(&str) -> Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || answer(stream.unwrap(), delay, &seen));
            }
        });
        Self { url, calls }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// How often the address was called, whatever the method.
    pub(crate) fn count(&self, path: &str) -> usize {
        count(&self.calls.lock().unwrap(), path)
    }

    /// The addresses that were called more than once.
    pub(crate) fn called_again(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        let again = calls.iter().filter(|call| count(&calls, &call.path) > 1);
        again.map(|call| call.path.clone()).collect()
    }

    /// Waits for `count` calls of the address.
    pub(crate) async fn called(&self, path: &str, count: usize) {
        for _ in 0..1_000 {
            if self.count(path) >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("`{path}` was called {} times within 10 s, not {count} times", self.count(path));
    }
}

fn count(calls: &[Call], path: &str) -> usize {
    calls.iter().filter(|call| call.path == path).count()
}

/// None for two paths in three; 50 to 300 ms for the third, the same each time.
pub(crate) fn some_take_longer(path: &str) -> Duration {
    let hash = path.bytes().fold(14_695_981_039_346_656_037, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
    });
    let millis = if hash.is_multiple_of(3) { 50 + hash / 3 % 251 } else { 0 };
    Duration::from_millis(millis)
}

/// One exchange. A caller that was killed meanwhile is no concern of the tool's.
fn answer(stream: TcpStream, delay: fn(&str) -> Duration, seen: &Mutex<Vec<Call>>) {
    let mut reader = BufReader::new(stream);
    let Some((call, length)) = read_head(&mut reader) else { return };
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let path = call.path.clone();
    let times = {
        let mut seen = seen.lock().unwrap();
        seen.push(call);
        count(&seen, &path)
    };
    std::thread::sleep(delay(&path));
    let status = match path.rsplit('/').next().unwrap_or_default() {
        step if step.starts_with("flaky") && times == 1 => "503 Not now",
        step if step.starts_with("broken") => "500 Never",
        _ => "200 OK",
    };
    let said = serde_json::json!({"said": path.trim_start_matches('/')}).to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        said.len()
    );
    let _ = reader.into_inner().write_all(format!("{head}{said}").as_bytes());
}

/// The call and its body's length.
fn read_head(reader: &mut BufReader<TcpStream>) -> Option<(Call, usize)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut call = Call { method, path, key: None };
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        } else if name.eq_ignore_ascii_case(KEY_HEADER) {
            call.key = Some(value.to_owned());
        }
    }
    Some((call, length))
}
