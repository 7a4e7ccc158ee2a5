//! A way to PostgreSQL, or to a server, that can be cut or held up: connections go through this process as long as it
//! lets them.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Bytes that are passed on at a time.
const CHUNK: usize = 64 * 1024;

/// A proxy that ends with the test process.
pub(crate) struct Proxy {
    /// The database's address by way of the proxy.
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    gate: Arc<Gate>,
}

/// What every byte passes.
#[derive(Default)]
struct Gate {
    is_shut: Mutex<bool>,
    turned: Condvar,
    /// Microseconds that a chunk takes.
    pause_us: AtomicU64,
}

#[derive(Default)]
struct State {
    cut: bool,
    open: Vec<Ends>,
}

/// Both ends of a connection through the proxy.
struct Ends {
    near: TcpStream,
    far: Far,
}

/// PostgreSQL's end.
enum Far {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Proxy {
    /// A proxy to the database at `url`.
    pub(crate) fn start(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (address, options) = url.split_once('?').unwrap_or((url, ""));
        let (user, place) =
            address.strip_prefix("postgres://").unwrap().rsplit_once('@').unwrap_or(("", address));
        let (host, database) = place.strip_prefix("postgres://").unwrap_or(place).split_once('/').unwrap();
        let socket = options.split('&').find_map(|option| option.strip_prefix("host="));
        let target = socket.map_or_else(|| host.to_owned(), |folder| format!("{folder}/.s.PGSQL.5432"));
        let others: Vec<&str> = options.split('&').filter(|option| !option.starts_with("host=")).collect();
        let user = if user.is_empty() { String::new() } else { format!("{user}@") };
        let url = format!("postgres://{user}127.0.0.1:{port}/{database}?{}", others.join("&"));
        let state = Arc::new(Mutex::new(State::default()));
        let gate = Arc::new(Gate::default());
        let (shared, passed) = (Arc::clone(&state), Arc::clone(&gate));
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let mut state = shared.lock().unwrap();
                // While it is cut, whoever comes is hung up on.
                if !state.cut {
                    state.open.push(connect(near.unwrap(), &target, &passed));
                }
            }
        });
        Self { url, state, gate }
    }

    /// Breaks every connection, and lets none through from now on.
    pub(crate) fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.cut = true;
        for Ends { near, far } in state.open.drain(..) {
            // It may have been closed by either side.
            let _ = near.shutdown(Shutdown::Both);
            let _ = far.shutdown();
        }
    }

    pub(crate) fn mend(&self) {
        self.state.lock().unwrap().cut = false;
    }

    /// Lets no byte through from now on, and tells nobody, as a network that loses every packet.
    pub(crate) fn hold(&self) {
        *self.gate.is_shut.lock().unwrap() = true;
    }

    /// Lets so many bytes a second through from now on, each way and over each connection.
    pub(crate) fn slow_down(&self, bytes_per_second: usize) {
        self.gate.pause_us.store((CHUNK * 1_000_000 / bytes_per_second) as u64, Ordering::Relaxed);
    }

    /// Lets everything through again, also what has been held up.
    pub(crate) fn release(&self) {
        *self.gate.is_shut.lock().unwrap() = false;
        self.gate.turned.notify_all();
    }
}

impl Gate {
    fn pass(&self) {
        std::thread::sleep(Duration::from_micros(self.pause_us.load(Ordering::Relaxed)));
        drop(self.turned.wait_while(self.is_shut.lock().unwrap(), |is_shut| *is_shut).unwrap());
    }
}

impl Far {
    fn connect(target: &str) -> Self {
        if target.starts_with('/') {
            Self::Unix(UnixStream::connect(target).unwrap())
        } else {
            Self::Tcp(TcpStream::connect(target).unwrap())
        }
    }

    fn again(&self) -> Self {
        match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone().unwrap()),
            Self::Unix(stream) => Self::Unix(stream.try_clone().unwrap()),
        }
    }

    fn shutdown(&self) -> std::io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        }
    }

    fn read(&mut self, chunk: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(chunk),
            Self::Unix(stream) => stream.read(chunk),
        }
    }

    fn write_all(&mut self, chunk: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(chunk),
            Self::Unix(stream) => stream.write_all(chunk),
        }
    }
}

/// Connects a caller with the target, a thread for each direction.
fn connect(near: TcpStream, target: &str, gate: &Arc<Gate>) -> Ends {
    let far = Far::connect(target);
    let (mut from_near, mut to_far) = (near.try_clone().unwrap(), far.again());
    let passed = Arc::clone(gate);
    std::thread::spawn(move || {
        pass_on(&passed, |chunk| from_near.read(chunk), |chunk| to_far.write_all(chunk));
        passed.pass();
        let _ = to_far.shutdown();
    });
    let (mut from_far, mut to_near) = (far.again(), near.try_clone().unwrap());
    let passed = Arc::clone(gate);
    std::thread::spawn(move || {
        pass_on(&passed, |chunk| from_far.read(chunk), |chunk| to_near.write_all(chunk));
        passed.pass();
        let _ = to_near.shutdown(Shutdown::Both);
    });
    Ends { near, far }
}

fn pass_on(
    gate: &Gate,
    mut read: impl FnMut(&mut [u8]) -> std::io::Result<usize>,
    mut write: impl FnMut(&[u8]) -> std::io::Result<()>,
) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(length @ 1..) = read(&mut chunk) {
        gate.pass();
        if write(&chunk[..length]).is_err() {
            return;
        }
    }
}
