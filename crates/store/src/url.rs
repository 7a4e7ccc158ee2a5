//! Where the database is: `sqlite:PATH` or `postgres://...`. Its printed form never holds the password.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// How long PostgreSQL's machine may leave what is sent unacknowledged, if the address does not say otherwise.
const PEER_SILENCE_MAX: Duration = Duration::from_secs(30);

/// The address of a database.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// `sqlite:PATH`.
    Sqlite(PathBuf),
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=...`.
    Postgres(Box<PostgresTarget>),
}

/// A PostgreSQL server and database, and how to get there.
#[derive(Clone)]
pub struct PostgresTarget {
    pub(crate) config: Config,
    pub(crate) tls: TlsMode,
}

/// Whether the way is encrypted, and what the server must prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TlsMode {
    Disable,
    Encrypt,
    Verify { roots: Option<PathBuf> },
}

/// A text that is no address of a database. Its words never hold the text, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Neither of the two schemes.
    #[error("a database is `sqlite:PATH` or `postgres://USER@HOST/DATABASE`")]
    Scheme,
    /// `sqlite:` with nothing behind it, or `:memory:`, which threads cannot share.
    #[error("`sqlite:` is followed by the path of a file")]
    Path,
    /// An `sslmode` that there is not.
    #[error("`sslmode={0}` is none of disable, prefer, require, verify-ca, verify-full")]
    SslMode(String),
    /// What the driver says about it.
    #[error("not an address of a PostgreSQL database: {0}")]
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.contains(":memory:") {
                return Err(UrlError::Path);
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return parse_postgres(text).map(|target| Self::Postgres(Box::new(target)));
        }
        Err(UrlError::Scheme)
    }
}

/// Takes `sslmode` and `sslrootcert` out, of which the driver knows less, and leaves it the rest.
fn parse_postgres(text: &str) -> Result<PostgresTarget, UrlError> {
    let (address, options) = text.split_once('?').unwrap_or((text, ""));
    let (mut mode, mut roots, mut rest) = ("prefer", None, Vec::new());
    for option in options.split('&').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("sslmode", value)) => mode = value,
            Some(("sslrootcert", value)) => roots = Some(PathBuf::from(value)),
            _ => rest.push(option),
        }
    }
    let (ssl, tls) = match mode {
        "disable" => (SslMode::Disable, TlsMode::Disable),
        "allow" | "prefer" => (SslMode::Prefer, TlsMode::Encrypt),
        "require" => (SslMode::Require, TlsMode::Encrypt),
        // Stricter than libpq, which lets `verify-ca` pass with another host's name.
        "verify-ca" | "verify-full" => (SslMode::Require, TlsMode::Verify { roots }),
        other => return Err(UrlError::SslMode(other.to_owned())),
    };
    let plain = if rest.is_empty() { address.to_owned() } else { format!("{address}?{}", rest.join("&")) };
    let mut config = Config::from_str(&plain).map_err(|error| UrlError::Postgres(describe(&error)))?;
    config.ssl_mode(ssl);
    if config.get_application_name().is_none() {
        config.application_name("nictate");
    }
    // The kernel would wait for a peer that has vanished for a quarter of an hour, and for two hours to look.
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(PEER_SILENCE_MAX);
    }
    if !options.contains("keepalives_idle=") {
        config.keepalives_idle(PEER_SILENCE_MAX);
    }
    Ok(PostgresTarget { config, tls })
}

fn describe(error: &tokio_postgres::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

impl fmt::Display for PostgresTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            write!(f, "{user}@")?;
        }
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            match host {
                Host::Tcp(name) => write!(f, "{separator}{name}")?,
                Host::Unix(path) => write!(f, "{separator}{}", path.display())?,
            }
            if let Some(port) = self.config.get_ports().get(index).or(self.config.get_ports().first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or(""))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(target) => target.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for PostgresTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, shown: Result<&str, &str>) {
        let got = text.parse::<DatabaseUrl>();
        let got = got.as_ref().map(|url| format!("{url:?}")).map_err(ToString::to_string);
        assert_eq!(got.as_deref().map_err(String::as_str), shown, "{text}");
    }

    #[test]
    fn addresses_print_without_their_password() {
        check("sqlite:data/nictate.db", Ok("sqlite:data/nictate.db"));
        check("sqlite:///var/lib/x.db", Ok("sqlite:/var/lib/x.db"));
        check(
            "postgres://ana:hunter2@db.example:5433/n?sslmode=require",
            Ok("postgres://ana@db.example:5433/n"),
        );
        check("postgres:///n?host=/run/pg&user=ana&password=hunter2", Ok("postgres://ana@/run/pg/n"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        check(
            "mysql://ana:hunter2@x/y",
            Err("a database is `sqlite:PATH` or `postgres://USER@HOST/DATABASE`"),
        );
        check("sqlite:", Err("`sqlite:` is followed by the path of a file"));
        check("sqlite::memory:", Err("`sqlite:` is followed by the path of a file"));
        let modes = "`sslmode=maybe` is none of disable, prefer, require, verify-ca, verify-full";
        check("postgres://ana:hunter2@x/y?sslmode=maybe", Err(modes));
        let Err(error) = "postgres://ana:hunter2@x:none/y".parse::<DatabaseUrl>() else { panic!("parsed") };
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn verify_full_asks_for_proof() {
        let Ok(DatabaseUrl::Postgres(target)) =
            "postgres://x/y?sslmode=verify-full&sslrootcert=/ca.pem".parse()
        else {
            panic!("does not parse")
        };
        assert_eq!(target.tls, TlsMode::Verify { roots: Some(PathBuf::from("/ca.pem")) });
    }
}
