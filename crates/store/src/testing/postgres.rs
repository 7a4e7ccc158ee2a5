//! A PostgreSQL to test on: one that is given, or one of our own, started once and shared by all test
//! processes. Each test gets a schema of its own, which costs less than a database.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use types::{Rng, SystemRng};

use crate::db::postgres::Postgres;
use crate::{DatabaseUrl, Options};

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// Durability is of no use to a test; the locale is not C so that a dependence on its order shows.
const SERVER_OPTIONS: &str = "-c listen_addresses='' -c fsync=off -c synchronous_commit=off \
     -c full_page_writes=off -c max_connections=400 -c shared_buffers=64MB";

/// For a connection on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A schema that nobody else uses.
#[derive(Debug)]
pub(super) struct Schema {
    name: String,
    admin: String,
    url: String,
}

impl Schema {
    pub(super) async fn create() -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let admin = match std::env::var("NICTATE_TEST_POSTGRES_URL") {
            Ok(url) => url,
            Err(_) => start().unwrap_or_else(|error| fail(&error)),
        };
        let mut random = [0; 6];
        SystemRng.fill(&mut random);
        let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("test_{}_{}_{random}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let separator = if admin.contains('?') { '&' } else { '?' };
        let url = format!("{admin}{separator}options=-c%20search_path%3D{name}");
        let schema = Self { name, admin, url };
        schema.run(&format!("CREATE SCHEMA {}", schema.name)).await;
        schema
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) async fn drop(&self) {
        self.run(&format!("DROP SCHEMA {} CASCADE", self.name)).await;
    }

    async fn run(&self, sql: &str) {
        let Ok(DatabaseUrl::Postgres(target)) = self.admin.parse() else {
            fail("NICTATE_TEST_POSTGRES_URL is not an address of a PostgreSQL database")
        };
        let patient = Options { acquire_timeout: PATIENCE, ..Options::default() };
        let server = Postgres::open(&target, &patient).expect("a pool can be made");
        let client = server.connection().await.expect("the PostgreSQL for tests answers");
        client.batch_execute(sql).await.expect("the user may create and drop schemas");
    }
}

#[allow(clippy::panic)] // a test that has no database has failed
fn fail(text: &str) -> ! {
    panic!("{text}")
}

/// Starts our own server unless it runs; its address either way.
fn start() -> Result<String, String> {
    if !Path::new(PROGRAMS).join("initdb").exists() {
        return Err(format!(
            "these tests need PostgreSQL: there is none in {PROGRAMS} (Debian package `postgresql-15`), and \
             NICTATE_TEST_POSTGRES_URL names none"
        ));
    }
    let target = target_folder()?;
    let data = target.join("test-postgres");
    // One process at a time looks and starts.
    let lock = File::create(target.join("test-postgres.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    // A socket's path must be short, and a target folder's may be long.
    let name: u64 =
        data.display().to_string().bytes().fold(7, |sum, b| sum.wrapping_mul(31).wrapping_add(b.into()));
    let socket = std::env::temp_dir().join(format!("nictate-pg-{name:x}"));
    for folder in [&data, &socket] {
        fs::create_dir_all(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
        if is_root()? {
            checked(Command::new("chown").arg("postgres").arg(folder))?;
        }
    }
    let data = data.display().to_string();
    if !Path::new(&data).join("PG_VERSION").exists() {
        let locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"];
        let access = ["--username=postgres", "--auth=trust", "--no-sync"];
        checked(program("initdb")?.args(["-D", &data]).args(locale).args(access))?;
    }
    let is_running = program("pg_ctl")?.args(["status", "-D", &data]).output();
    if !is_running.is_ok_and(|output| output.status.success()) {
        let options = format!("{SERVER_OPTIONS} -k {}", socket.display());
        let log = format!("{data}/test.log");
        checked(program("pg_ctl")?.args(["start", "-w", "-D", &data, "-l", &log, "-o", &options]))?;
    }
    Ok(format!("postgres:///postgres?host={}&user=postgres", socket.display()))
}

/// One of PostgreSQL's programs. They refuse to run as root; then it runs as `postgres`.
fn program(name: &str) -> Result<Command, String> {
    let path = Path::new(PROGRAMS).join(name);
    let mut command = if is_root()? {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(path);
        command
    } else {
        Command::new(path)
    };
    command.current_dir("/").stdin(Stdio::null());
    Ok(command)
}

fn is_root() -> Result<bool, String> {
    Ok(checked(Command::new("id").arg("-u"))?.stdout == b"0\n")
}

fn checked(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| format!("`{command:?}`: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!("`{command:?}` failed: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The folder that cargo builds into: the one above this program that is marked as such.
fn target_folder() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    marked.map(Path::to_owned).ok_or_else(|| format!("`{}` is in no target folder", program.display()))
}
