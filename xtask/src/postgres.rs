//! A PostgreSQL 15 of our own, for tests and measurements: a fresh data folder, a port nobody else uses,
//! loopback only. It ends with its guard, which also removes the folder, or with this process.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::failure::{Context, Failure, Outcome};
use crate::packages::POSTGRES_BIN;
use crate::scratch::Scratch;
use crate::shell;
use crate::stopwatch::Stopwatch;

const START_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// As in production, for measurements.
    Real,
    /// Nothing is flushed: several times faster, and lost with the machine. For tests.
    None,
}

/// A running server. Dropping it stops it.
pub(crate) struct Postgres {
    server: Child,
    folder: Scratch,
    port: u16,
}

impl Postgres {
    /// Makes a data folder and starts a server on it. Answers when it takes connections.
    pub(crate) fn start(durability: Durability) -> Outcome<Self> {
        let port = free_port()?;
        let account = Account::for_server()?;
        let folder = make_folder(&account)?;
        let data = folder.path().join("data");
        let log = fs::File::create(folder.path().join("log")).context("create the log of PostgreSQL")?;

        let mut initdb = account.command("initdb");
        initdb.args([
            "--username=nictate",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        initdb.arg("-D").arg(&data).current_dir(folder.path()).stdout(Stdio::null());
        shell::run(&mut initdb)?;

        let mut server = account.command("postgres");
        server.arg("-D").arg(&data).args(["-p", &port.to_string()]).current_dir(folder.path());
        for setting in settings(durability) {
            server.args(["-c", setting]);
        }
        let server = server.stdout(Stdio::null()).stderr(log).spawn().context("start `postgres`")?;
        let mut postgres = Self { server, folder, port };
        postgres.wait_until_ready(&data)?;
        Ok(postgres)
    }

    /// The address of its database, with a role that may do anything.
    pub(crate) fn url(&self) -> String {
        format!("postgres://nictate@127.0.0.1:{}/postgres", self.port)
    }

    fn wait_until_ready(&mut self, data: &Path) -> Outcome {
        let waited = Stopwatch::start();
        // The server writes its state into the last line of this file.
        let state = data.join("postmaster.pid");
        while waited.elapsed() < START_TIMEOUT {
            if fs::read_to_string(&state).is_ok_and(|text| text.trim_end().ends_with("ready")) {
                return Ok(());
            }
            if let Some(status) = self.server.try_wait().context("wait for PostgreSQL")? {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                return Err(Failure::new(format!("PostgreSQL ended with {status} as it started:\n{log}")));
            }
            sleep(POLL_INTERVAL);
        }
        Err(Failure::new(format!("PostgreSQL was not ready after {} s", START_TIMEOUT.as_secs())))
    }

    /// Asks for a fast shutdown and waits; what still runs after `STOP_TIMEOUT` is killed.
    fn stop(&mut self) {
        // A standard library handle can only kill; a killed server would leave shared memory behind.
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let waited = Stopwatch::start();
        while matches!(self.server.try_wait(), Ok(None)) {
            if waited.elapsed() > STOP_TIMEOUT {
                let _ = self.server.kill();
                let _ = self.server.wait();
                break;
            }
            sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The folder goes after the server, with its own guard.
        self.stop();
    }
}

fn settings(durability: Durability) -> Vec<&'static str> {
    let mut settings = vec![
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=", // no sockets: a path of ours may be too long for one
        "max_connections=200",
        "shared_buffers=128MB",
    ];
    if durability == Durability::None {
        settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"]);
    }
    settings
}

/// Who the server runs as. PostgreSQL refuses to run as root, so root becomes Debian's `postgres`.
struct Account {
    /// User and group ids to become; absent, we stay who we are.
    ids: Option<(u32, u32)>,
}

impl Account {
    fn for_server() -> Outcome<Self> {
        if !shell::is_root() {
            return Ok(Self { ids: None });
        }
        let accounts = fs::read_to_string("/etc/passwd").context("read the accounts of this machine")?;
        let ids = accounts.lines().find_map(|line| {
            let mut fields = line.strip_prefix("postgres:")?.split(':').skip(1);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        });
        match ids {
            Some(ids) => Ok(Self { ids: Some(ids) }),
            None => Err(Failure::new("this machine has no account `postgres` to run PostgreSQL as")),
        }
    }

    /// A program of PostgreSQL that ends if we do, however we end.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        if let Some((user, group)) = self.ids {
            command.args([&format!("--reuid={user}"), &format!("--regid={group}"), "--clear-groups"]);
        }
        command.args(["--pdeathsig=INT", "--"]).arg(Path::new(POSTGRES_BIN).join(program));
        command
    }
}

/// A new folder under target/ that only the server's account may enter.
fn make_folder(account: &Account) -> Outcome<Scratch> {
    let target = shell::target_dir();
    fs::create_dir_all(&target).context(format!("create `{}`", target.display()))?;
    // A checkout in root's own home is closed to the account `postgres`; then any open place will do.
    let place = if account.ids.is_none() || open_to_all(&target) { target } else { std::env::temp_dir() };
    let scratch = Scratch::make(&place, "postgres")?;
    let folder = scratch.path();
    if let Some((user, group)) = account.ids {
        chown(folder, Some(user), Some(group)).context(format!("hand over `{}`", folder.display()))?;
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
        .context(format!("close `{}`", folder.display()))?;
    Ok(scratch)
}

/// Whether every folder on the way may be passed through by anyone.
fn open_to_all(path: &Path) -> bool {
    path.ancestors().all(|folder| fs::metadata(folder).is_ok_and(|entry| entry.mode() & 0o001 != 0))
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Outcome<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;
    use crate::packages::POSTGRES;

    #[test]
    fn a_server_takes_connections_and_leaves_nothing_behind() {
        if POSTGRES.path().is_none() {
            return; // `cargo xtask test` installs it; a machine without it has nothing to prove here
        }
        let postgres = Postgres::start(Durability::None).unwrap();
        let (address, folder) = (format!("127.0.0.1:{}", postgres.port), postgres.folder.path().to_owned());
        assert!(TcpStream::connect(&address).is_ok() && folder.is_dir());
        drop(postgres);
        assert!(TcpStream::connect(&address).is_err() && !folder.exists());
    }

    #[test]
    fn a_folder_below_a_closed_one_is_not_open_to_all() {
        assert!(open_to_all(Path::new("/usr/bin")));
        assert!(!open_to_all(Path::new("/no/such/folder")));
    }
}
