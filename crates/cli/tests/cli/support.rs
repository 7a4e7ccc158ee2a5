//! Running the binary, and a tiny HTTP server that answers as a test wants and remembers what it was asked.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// The key that tests use; no output may ever show it.
pub(crate) const API_KEY: &str = "nct_a-key-that-nobody-may-see";

/// The binary with none of the environment's settings.
pub(crate) fn nictate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nictate"));
    for (name, _) in std::env::vars_os() {
        let ours = name.to_string_lossy().starts_with("NICTATE_");
        if ours || name == "NO_COLOR" || name == "TERM" {
            command.env_remove(name);
        }
    }
    command.args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/fixtures"));
    command.stdin(Stdio::null());
    command
}

/// What a run of the binary left.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Everything there is to see, in one text for a snapshot.
    pub(crate) fn transcript(&self) -> String {
        format!("exit {}\n---- stdout\n{}---- stderr\n{}", self.code, self.stdout, self.stderr)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// Runs it to its end, with `input` on stdin.
pub(crate) fn run_with_input(mut command: Command, input: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that has read enough leaves the rest.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let ran =
        Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert!(!ran.stdout.contains(API_KEY) && !ran.stderr.contains(API_KEY), "{}", ran.transcript());
    ran
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    run_with_input(nictate(arguments), "")
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    /// Decoded; empty if there is none.
    pub(crate) query: String,
    pub(crate) api_key: Option<String>,
    /// Their names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    /// The header of that name, in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `GET /api/v1/connections`.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// A server that ends with the test process.
pub(crate) struct Fake {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Fake {
    /// A server that answers each request with a status and a body.
    pub(crate) fn start(answer: impl Fn(&Request) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &answer, &seen);
            }
        });
        Self { url, requests }
    }

    /// Runs the binary against this server.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = nictate(arguments);
        command.env("NICTATE_URL", &self.url).env("NICTATE_API_KEY", API_KEY);
        let mut ran = run_with_input(command, input);
        ran.stderr = ran.stderr.replace(&self.url, "http://server");
        ran
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The requests' lines, one a line.
    pub(crate) fn lines(&self) -> String {
        self.requests().iter().map(|request| request.line() + "\n").collect()
    }
}

fn serve(stream: TcpStream, answer: &impl Fn(&Request) -> (u16, String), seen: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
    let (mut length, mut api_key, mut headers) = (Some(0), None, Vec::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = Some(value.parse().unwrap()),
            "transfer-encoding" => length = None,
            "blink-api-key" => api_key = Some(value.to_owned()),
            _ => {}
        }
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let body = match length {
        Some(length) => exactly(&mut reader, length),
        None => chunks(&mut reader),
    };
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let body = String::from_utf8(body).unwrap();
    let request = Request { method, path: path.to_owned(), query: decoded(query), api_key, headers, body };
    let (status, body) = answer(&request);
    seen.lock().unwrap().push(request);
    let location = if status == 302 { "location: http://elsewhere.example/\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n{location}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = reader.into_inner();
    // The client may have read enough.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

fn exactly(reader: &mut impl Read, length: usize) -> Vec<u8> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    body
}

/// A body whose length nobody knew before: each part comes with its own, and one of nothing ends it.
fn chunks(reader: &mut BufReader<TcpStream>) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut length = String::new();
        reader.read_line(&mut length).unwrap();
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        body.extend(exactly(reader, length));
        reader.read_line(&mut String::new()).unwrap();
        if length == 0 {
            return body;
        }
    }
}

/// Of a query as clients write them: `+` and `%XX`.
fn decoded(query: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = query.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// An error as the API answers it.
pub(crate) fn refusal(status: u16, identifier: &str, message: &str) -> (u16, String) {
    let body = serde_json::json!({
        "data": {}, "details": "", "identifier": identifier, "message": message, "status": status,
        "user_error": {},
    });
    (status, body.to_string())
}

/// A page with these rows.
pub(crate) fn page(rows: &serde_json::Value) -> (u16, String) {
    let total = rows.as_array().map_or(0, Vec::len);
    (200, serde_json::json!({"limit": 100, "offset": 0, "total": total, "results": rows}).to_string())
}
