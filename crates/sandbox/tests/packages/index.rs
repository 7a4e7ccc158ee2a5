//! An index of packages on loopback, with wheels made by hand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sandbox::Hidden;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Serves what it is given, and remembers what was asked for.
pub(crate) struct Index {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    asked: Mutex<Vec<String>>,
    /// `user:password`, without which nothing is answered.
    user: Mutex<Option<String>>,
    /// What has this in its path is never answered.
    hangs: Mutex<Option<String>>,
}

impl Index {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let shared = Arc::new(Shared::default());
        let index = Self { port, shared: Arc::clone(&shared) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        index
    }

    pub(crate) fn url(&self) -> Hidden {
        self.url_of("")
    }

    /// With `user:password@`.
    pub(crate) fn url_of(&self, user: &str) -> Hidden {
        Hidden::from(format!("http://{user}127.0.0.1:{}/simple", self.port))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A wheel of these files, that requires these packages.
    pub(crate) fn wheel(&self, name: &str, version: &str, files: &[(&str, &[u8])], requires: &[&str]) {
        let info = format!("{name}-{version}.dist-info");
        let mut metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
        metadata.extend(requires.iter().map(|one| format!("Requires-Dist: {one}\n")));
        let wheel = "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
        let mut all: Vec<(String, Vec<u8>)> =
            files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
        all.push((format!("{info}/METADATA"), metadata.into_bytes()));
        all.push((format!("{info}/WHEEL"), wheel.into()));
        let record: String = all.iter().map(|(path, _)| format!("{path},,\n")).collect();
        all.push((format!("{info}/RECORD"), format!("{record}{info}/RECORD,,\n").into_bytes()));
        self.file(name, &format!("{name}-{version}-py3-none-any.whl"), zip(&all));
    }

    /// A file of a package, as it is.
    pub(crate) fn file(&self, package: &str, file: &str, bytes: Vec<u8>) {
        self.shared
            .files
            .lock()
            .expect("no answer panics")
            .insert(format!("/simple/{package}/{file}"), bytes);
    }

    pub(crate) fn want_user(&self, user: &str) {
        *self.shared.user.lock().expect("no answer panics") = Some(user.to_owned());
    }

    /// Never answers what has this in its path.
    pub(crate) fn hang(&self, part: Option<&str>) {
        *self.shared.hangs.lock().expect("no answer panics") = part.map(str::to_owned);
    }

    /// How often something with this in its path was fetched.
    pub(crate) fn fetched(&self, part: &str) -> usize {
        self.shared
            .asked
            .lock()
            .expect("no answer panics")
            .iter()
            .filter(|asked| asked.contains(part))
            .count()
    }
}

async fn answer(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    shared.asked.lock().expect("no answer panics").push(format!("{method} {path}"));
    let hangs = shared.hangs.lock().expect("no answer panics").clone();
    if hangs.is_some_and(|part| path.contains(&part)) {
        return std::future::pending().await;
    }
    let (status, body) = found(&shared, &head, path);
    let kind = if path.ends_with('/') { "text/html" } else { "application/octet-stream" };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let _ = stream.write_all(head.as_bytes()).await;
    if method != "HEAD" {
        let _ = stream.write_all(&body).await;
    }
    let _ = stream.shutdown().await;
}

fn found(shared: &Shared, head: &str, path: &str) -> (&'static str, Vec<u8>) {
    if let Some(user) = &*shared.user.lock().expect("no answer panics") {
        let wanted = format!("Basic {}", STANDARD.encode(user));
        if !head.contains(&wanted) {
            return ("401 Unauthorized\r\nWWW-Authenticate: Basic", Vec::new());
        }
    }
    let files = shared.files.lock().expect("no answer panics");
    if let Some(bytes) = files.get(path) {
        return ("200 OK", bytes.clone());
    }
    let links: String = files
        .iter()
        .filter_map(|(file, bytes)| Some((file.strip_prefix(path)?, bytes)))
        .map(|(file, bytes)| {
            format!("<a href=\"{file}#sha256={}\">{file}</a>\n", hex(&Sha256::digest(bytes)))
        })
        .collect();
    if links.is_empty() || !path.ends_with('/') {
        return ("404 Not Found", Vec::new());
    }
    ("200 OK", format!("<!DOCTYPE html><html><body>{links}</body></html>").into_bytes())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An archive whose files are stored as they are. What ends with `.link` is a symbolic link to its content.
fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (path, bytes) in files {
        let size = u32::try_from(bytes.len()).expect("it is small").to_le_bytes();
        let mut entry = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        entry.extend(crc32(bytes).to_le_bytes());
        entry.extend([size, size].concat());
        entry.extend(u16::try_from(path.len()).expect("it is small").to_le_bytes());
        entry.extend([0, 0]);
        directory.extend([0x50, 0x4b, 1, 2, 20, 3]);
        directory.extend(&entry);
        // No comment, the first disk, its mode, and where it begins.
        directory.extend([0; 6]);
        let mode: u32 = if path.ends_with(".link") { 0o120_777 } else { 0o100_644 };
        directory.extend((mode << 16).to_le_bytes());
        directory.extend(u32::try_from(archive.len()).expect("it is small").to_le_bytes());
        directory.extend(path.as_bytes());
        archive.extend([0x50, 0x4b, 3, 4]);
        archive.extend(&entry);
        archive.extend(path.as_bytes());
        archive.extend(bytes);
    }
    let count = u16::try_from(files.len()).expect("it is small").to_le_bytes();
    let (size, begin) = (
        u32::try_from(directory.len()).expect("it is small"),
        u32::try_from(archive.len()).expect("it is small"),
    );
    archive.extend(directory);
    archive.extend([0x50, 0x4b, 5, 6, 0, 0, 0, 0]);
    archive.extend([count, count].concat());
    archive.extend([size.to_le_bytes(), begin.to_le_bytes()].concat());
    archive.extend([0, 0]);
    archive
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
