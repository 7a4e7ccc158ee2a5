//! A server that takes mail, as far as a test needs one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What it has taken, and what it says to the next.
#[derive(Default)]
struct Told {
    mails: Vec<Mail>,
    tries: usize,
    refusals: VecDeque<&'static str>,
}

/// A mail as it came.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    /// The addresses of the envelope.
    pub(crate) to: Vec<String>,
    /// Headers and text, lines put together that were folded for the way.
    pub(crate) data: String,
}

/// The server.
pub(crate) struct Smtp {
    pub(crate) port: u16,
    told: Arc<Mutex<Told>>,
}

impl Smtp {
    /// One that says these to the first mails instead of taking them.
    pub(crate) async fn refusing(refusals: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let told = Told { refusals: refusals.iter().copied().collect(), ..Told::default() };
        let smtp = Self { port: listener.local_addr().unwrap().port(), told: Arc::new(Mutex::new(told)) };
        let told = Arc::clone(&smtp.told);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&told)));
            }
        });
        smtp
    }

    /// The mails that it has taken.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.told.lock().unwrap().mails.clone()
    }

    /// How often it was given one.
    pub(crate) fn tries(&self) -> usize {
        self.told.lock().unwrap().tries
    }
}

async fn serve(stream: TcpStream, told: Arc<Mutex<Told>>) {
    let mut stream = BufReader::new(stream);
    let mut to = Vec::new();
    let mut answer = "220 test";
    loop {
        if stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        answer = match line.split([' ', '\r']).next().unwrap() {
            "RCPT" => {
                to.push(line.trim().to_owned());
                "250 ok"
            }
            "DATA" => {
                let _ = stream.write_all(b"354 go on\r\n").await;
                let Some(data) = data(&mut stream).await else { return };
                let mut told = told.lock().unwrap();
                told.tries += 1;
                let refusal = told.refusals.pop_front();
                if refusal.is_none() {
                    told.mails.push(Mail { to: std::mem::take(&mut to), data });
                }
                refusal.unwrap_or("250 taken")
            }
            _ => "250 ok",
        };
    }
}

async fn data(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut data = String::new();
    while !data.ends_with("\r\n.\r\n") {
        if stream.read_line(&mut data).await.unwrap_or(0) == 0 {
            return None;
        }
    }
    Some(data.replace("=\r\n", "").replace("=3D", "="))
}
