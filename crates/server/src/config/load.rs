//! Putting the configuration together from file, environment and flags, with errors that name the key.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Config, Sandbox};
use crate::identity::API_KEY_BYTES_MAX;

/// Milliseconds of the shortest lease: a shorter one would end whenever a machine is busy.
const LEASE_MS_MIN: u64 = 500;
/// Milliseconds of the shortest pause between two looks at the history: each asks about every workspace.
const SWEEP_PAUSE_MS_MIN: u64 = 100;
/// Milliseconds of the shortest session: when it was last used is written down once a minute.
const SESSION_MS_MIN: u64 = 120_000;
/// Environment variables that begin like a key's but belong to the command line.
const NOT_KEYS: [&str; 4] = ["NICTATE_URL", "NICTATE_API_KEY", "NICTATE_WORKSPACE", "NICTATE_CONFIG"];
/// Variables of the test suites, which a server under test may inherit.
const TEST_PREFIX: &str = "NICTATE_TEST_";

/// What the command line says, each overriding the key of that name.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// `server.data`.
    pub data: Option<PathBuf>,
    /// `server.listen`.
    pub listen: Option<String>,
    /// `database.url`.
    pub database: Option<String>,
}

/// A configuration that cannot be used. The message names the key and where it was set.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// The configuration from `flags`, the file they name, and `environment` (pairs of name and value).
///
/// # Errors
/// A file that cannot be read or is no TOML, an unknown key, a value of the wrong kind or out of range.
pub fn load(
    flags: &Flags,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut table = match &flags.config {
        Some(path) => read_file(path)?,
        None => Table::new(),
    };
    let defaults = default_table()?;
    for (name, text) in environment {
        apply_variable(&mut table, &defaults, &name, &text)?;
    }
    let path = |path: &PathBuf| path.to_string_lossy().into_owned();
    set(&mut table, "server", "data", flags.data.as_ref().map(path));
    set(&mut table, "server", "listen", flags.listen.clone());
    set(&mut table, "database", "url", flags.database.clone());
    let config: Config = Config::deserialize_from(table)?;
    validate(&config)?;
    Ok(config)
}

impl Config {
    fn deserialize_from(table: Table) -> Result<Self, ConfigError> {
        table.try_into().map_err(|error: toml::de::Error| {
            ConfigError(format!("the configuration cannot be used: {}", one_line(&error.to_string())))
        })
    }
}

fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigError(format!("cannot read the configuration file `{}`: {error}", path.display()))
    })?;
    // The file's own text stays out of the message: a password may stand in that line.
    let refused = |what: &str, error: &toml::de::Error| {
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map(|before| before.matches('\n').count() + 1);
        let place = line.map_or_else(String::new, |line| format!(", line {line}"));
        ConfigError(format!("{what} `{}`{place}: {}", path.display(), one_line(error.message())))
    };
    let table: Table =
        toml::from_str(&text).map_err(|error| refused("no TOML in the configuration file", &error))?;
    // Deserialized on its own first, so that the error can say that it is the file that is wrong.
    toml::from_str::<Config>(&text).map_err(|error| refused("in the configuration file", &error))?;
    Ok(table)
}

fn one_line(text: &str) -> String {
    text.trim().replace('\n', " ")
}

pub(super) fn default_table() -> Result<Table, ConfigError> {
    Table::try_from(Config::default()).map_err(|error| ConfigError(error.to_string()))
}

/// `NICTATE_<SECTION>_<KEY>` sets that key; the default's kind says how the text is read.
fn apply_variable(table: &mut Table, defaults: &Table, name: &str, text: &str) -> Result<(), ConfigError> {
    let Some(rest) = name.strip_prefix("NICTATE_") else { return Ok(()) };
    if NOT_KEYS.contains(&name) || name.starts_with(TEST_PREFIX) {
        return Ok(());
    }
    let wanted = rest.to_lowercase();
    let keys = defaults.iter().flat_map(|(section, keys)| {
        keys.as_table().into_iter().flatten().map(move |(key, default)| (section, key, default))
    });
    for (section, key, default) in keys {
        if format!("{section}_{key}") == wanted {
            let value = read_value(name, default, text)?;
            let section = table.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Some(section) = section.as_table_mut() {
                section.insert(key.clone(), value);
            }
            return Ok(());
        }
    }
    Err(ConfigError(format!("the environment variable `{name}` names no key of the configuration")))
}

fn read_value(name: &str, default: &Value, text: &str) -> Result<Value, ConfigError> {
    let refused =
        |kind: &str| ConfigError(format!("the environment variable `{name}` must be {kind}, not `{text}`"));
    match default {
        Value::Boolean(_) => match text {
            "true" | "1" | "yes" => Ok(Value::Boolean(true)),
            "false" | "0" | "no" => Ok(Value::Boolean(false)),
            _ => Err(refused("`true` or `false`")),
        },
        Value::Integer(_) => text.trim().parse().map(Value::Integer).map_err(|_| refused("a whole number")),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}

fn set(table: &mut Table, section: &str, key: &str, value: Option<String>) {
    let Some(value) = value else { return };
    let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    if let Some(section) = section.as_table_mut() {
        section.insert(key.to_owned(), Value::String(value));
    }
}

fn validate(config: &Config) -> Result<(), ConfigError> {
    let refused = |key: &str, value: &dyn std::fmt::Display, why: &str| {
        Err(ConfigError(format!("`{key}` is `{value}`: {why}")))
    };
    if config.server.listen.parse::<std::net::SocketAddr>().is_err() {
        let why = "an address and a port are needed, as in `127.0.0.1:8700`";
        return refused("server.listen", &config.server.listen, why);
    }
    let limits = &config.limits;
    for (key, value) in [
        ("server.body_bytes_max", config.server.body_bytes_max),
        ("limits.executions_active_max", limits.executions_active_max),
        ("limits.executions_active_per_tenant_max", limits.executions_active_per_tenant_max),
        ("limits.executions_active_per_workspace_max", limits.executions_active_per_workspace_max),
        ("limits.executions_held_max", limits.executions_held_max),
        ("limits.executions_queued_max", limits.executions_queued_max),
        ("limits.executions_queued_per_workspace_max", limits.executions_queued_per_workspace_max),
        ("limits.runner_capacity", limits.runner_capacity),
        ("sandbox.concurrent", config.sandbox.concurrent),
        ("database.connections_max", config.database.connections_max),
    ] {
        if value == 0 {
            return refused(key, &value, "it must be at least 1");
        }
    }
    if config.server.lease_ms < LEASE_MS_MIN {
        let why = format!("it must be at least {LEASE_MS_MIN}");
        return refused("server.lease_ms", &config.server.lease_ms, &why);
    }
    if config.history.sweep_pause_ms < SWEEP_PAUSE_MS_MIN {
        let why = format!("it must be at least {SWEEP_PAUSE_MS_MIN}");
        return refused("history.sweep_pause_ms", &config.history.sweep_pause_ms, &why);
    }
    for (key, value) in [
        ("sessions.idle_timeout_ms", config.sessions.idle_timeout_ms),
        ("sessions.age_ms_max", config.sessions.age_ms_max),
    ] {
        if value < SESSION_MS_MIN {
            return refused(key, &value, &format!("it must be at least {SESSION_MS_MIN}"));
        }
    }
    let checks =
        config.sso.check().and_then(|()| config.smtp.check()).and_then(|()| config.attachments.check());
    if let Err((key, value, why)) = checks {
        return refused(key, &value, &why);
    }
    let is_local = |address: std::net::SocketAddr| address.ip().is_loopback();
    let has_no_address =
        config.server.public_url.is_empty() && !config.server.listen.parse().is_ok_and(is_local);
    if config.sso.is_on() && has_no_address {
        let why = "with `sso.issuer` it must be set: the provider sends people back there";
        return refused("server.public_url", &"", why);
    }
    if config.smtp.is_on() && has_no_address {
        return refused(
            "server.public_url",
            &"",
            "with `smtp.host` it must be set: links in mails lead there",
        );
    }
    let memory_mib = Sandbox::MEMORY_MIB_MIN..=Sandbox::MEMORY_MIB_MAX;
    if !memory_mib.contains(&config.sandbox.memory_mib) {
        let why = format!("it must be from {} to {}", memory_mib.start(), memory_mib.end());
        return refused("sandbox.memory_mib", &config.sandbox.memory_mib, &why);
    }
    if config.limits.execution_run_time_ms <= 0 {
        return refused(
            "limits.execution_run_time_ms",
            &config.limits.execution_run_time_ms,
            "it must be at least 1",
        );
    }
    for (key, networks) in [
        ("http.allowed_networks", &config.http.allowed_networks),
        ("server.trusted_proxies", &config.server.trusted_proxies),
    ] {
        if let Some(network) = networks.iter().find(|network| !is_network(network)) {
            return refused(key, network, "a network is needed, as in `10.1.0.0/16`");
        }
    }
    for id in &config.http.private_connections {
        if id.parse::<types::ConnectionId>().is_err() {
            return refused("http.private_connections", id, "a connection's id is needed");
        }
    }
    // The key is a secret, so that it is not said what it is.
    let key = &config.bootstrap.api_key;
    if key.len() > API_KEY_BYTES_MAX || key.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let why = format!(
            "at most {API_KEY_BYTES_MAX} bytes without white space and control characters are needed"
        );
        return refused("bootstrap.api_key", &types::limits::SECRET_MASK, &why);
    }
    let password = &config.bootstrap.password;
    if !password.is_empty()
        && let Err(why) = secrets::check_password(password, &[&config.bootstrap.email])
    {
        return refused("bootstrap.password", &types::limits::SECRET_MASK, &why.to_string());
    }
    if !config.bootstrap.workspace_id.is_empty()
        && config.bootstrap.workspace_id.parse::<types::WorkspaceId>().is_err()
    {
        return refused("bootstrap.workspace_id", &config.bootstrap.workspace_id, "a UUID is needed");
    }
    Ok(())
}

fn is_network(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let most = match address.parse() {
        Ok(std::net::IpAddr::V4(_)) => 32,
        Ok(std::net::IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let pairs = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load(&Flags::default(), pairs)
    }

    #[test]
    fn the_environment_sets_keys_by_their_kind() {
        let config = with(&[
            ("NICTATE_HTTP_ALLOW_PRIVATE", "true"),
            ("NICTATE_HTTP_ALLOWED_NETWORKS", "10.0.0.0/8, fd00::/8"),
            ("NICTATE_LIMITS_RUNNER_CAPACITY", "3"),
            ("NICTATE_URL", "http://elsewhere"),
            ("PATH", "/bin"),
        ])
        .unwrap();
        assert!(config.http.allow_private);
        assert_eq!(config.http.allowed_networks, ["10.0.0.0/8", "fd00::/8"]);
        assert_eq!(config.limits.runner_capacity, 3);
    }

    #[test]
    fn a_wrong_setting_is_refused_by_name() {
        for (name, value, part) in [
            ("NICTATE_HTTP_ALOW_PRIVATE", "true", "NICTATE_HTTP_ALOW_PRIVATE"),
            ("NICTATE_HTTP_ALLOW_PRIVATE", "maybe", "NICTATE_HTTP_ALLOW_PRIVATE"),
            ("NICTATE_SERVER_LISTEN", "nowhere", "server.listen"),
            ("NICTATE_LIMITS_RUNNER_CAPACITY", "0", "limits.runner_capacity"),
            (
                "NICTATE_HISTORY_SWEEP_PAUSE_MS",
                "99",
                "`history.sweep_pause_ms` is `99`: it must be at least 100",
            ),
            ("NICTATE_SANDBOX_MEMORY_MIB", "15", "`sandbox.memory_mib` is `15`: it must be from 16 to 65536"),
            ("NICTATE_SANDBOX_MEMORY_MIB", "65537", "`sandbox.memory_mib` is `65537`"),
            ("NICTATE_SANDBOX_CONCURRENT", "0", "sandbox.concurrent"),
            ("NICTATE_SANDBOX_MODE", "none", "mode"),
            ("NICTATE_SERVER_LEASE_MS", "499", "`server.lease_ms` is `499`: it must be at least 500"),
            (
                "NICTATE_SESSIONS_IDLE_TIMEOUT_MS",
                "119999",
                "`sessions.idle_timeout_ms` is `119999`: it must be",
            ),
            ("NICTATE_SESSIONS_AGE_MS_MAX", "0", "`sessions.age_ms_max` is `0`: it must be at least 120000"),
            ("NICTATE_BOOTSTRAP_PASSWORD", "tooshort", "bootstrap.password"),
            ("NICTATE_BOOTSTRAP_PASSWORD", "password1234", "bootstrap.password"),
            ("NICTATE_HTTP_ALLOWED_NETWORKS", "10.0.0.0/33", "http.allowed_networks"),
            ("NICTATE_SERVER_TRUSTED_PROXIES", "10.0.0.1", "`server.trusted_proxies` is `10.0.0.1`"),
            ("NICTATE_LOG_FORMAT", "xml", "format"),
            ("NICTATE_BOOTSTRAP_WORKSPACE_ID", "x", "bootstrap.workspace_id"),
            ("NICTATE_BOOTSTRAP_API_KEY", "two words", "bootstrap.api_key"),
            ("NICTATE_BOOTSTRAP_API_KEY", "ends with a line\n", "bootstrap.api_key"),
            ("NICTATE_BOOTSTRAP_API_KEY", "zero\0", "bootstrap.api_key"),
            ("NICTATE_BOOTSTRAP_API_KEY", &"x".repeat(257), "bootstrap.api_key"),
        ] {
            let error = with(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(part), "{name}={value}: {error}");
            assert!(
                !part.starts_with("bootstrap.") || part.ends_with("_id") || !error.contains(value),
                "{error}"
            );
        }
    }

    #[test]
    fn a_wrong_provider_is_refused_by_key_and_value() {
        let good = [
            ("NICTATE_SSO_ISSUER", "https://id.example.com/realms/main"),
            ("NICTATE_SSO_CLIENT_ID", "nictate"),
            ("NICTATE_SSO_CLIENT_SECRET", "hunter2"),
            ("NICTATE_SSO_ROLES_CLAIM", "groups"),
            ("NICTATE_SSO_ROLES", "admins=Admin, guests = Tenant Guest"),
        ];
        let config = with(&good).unwrap();
        let roles = [("admins", types::TenantRole::Admin), ("guests", types::TenantRole::Guest)];
        assert_eq!(config.sso.role_mapping(), roles.map(|(value, role)| (value.to_owned(), role)));
        assert!(!format!("{config:?}").contains("hunter2"));
        for (name, value, part) in [
            (
                "NICTATE_SSO_ISSUER",
                "http://id.example.com",
                "`sso.issuer` is `http://id.example.com`: a URL with",
            ),
            ("NICTATE_SSO_ISSUER", "id.example.com", "`sso.issuer` is `id.example.com`"),
            ("NICTATE_SSO_ISSUER", "https://login.microsoftonline.com/common/v2.0", "name one tenant"),
            ("NICTATE_SSO_CLIENT_ID", "", "`sso.client_id` is ``"),
            ("NICTATE_SSO_CLIENT_SECRET", "hunter2\n", "`sso.client_secret` is `********`"),
            ("NICTATE_SSO_NAME", "", "`sso.name` is ``"),
            ("NICTATE_SSO_SCOPES", "openid email", "`sso.scopes` is `openid email`"),
            ("NICTATE_SSO_EMAIL_DOMAINS", "a@example.com", "`sso.email_domains` is `a@example.com`"),
            ("NICTATE_SSO_ROLES_CLAIM", "", "`sso.roles_claim` is ``: `sso.roles` needs"),
            ("NICTATE_SSO_ROLES", "admins", "`sso.roles` is `admins`"),
            (
                "NICTATE_SSO_ROLES",
                "admins=Owner",
                "`sso.roles` is `Owner`: no such role; known are `Tenant Guest`",
            ),
            ("NICTATE_SSO_GROUPS", "=Red", "`sso.groups` is `=Red`"),
            ("NICTATE_SSO_DEFAULT_ROLE", "admin", "`sso.default_role` is `admin`"),
            ("NICTATE_SSO_PASSWORD_SIGN_IN", "maybe", "NICTATE_SSO_PASSWORD_SIGN_IN"),
            ("NICTATE_SERVER_LISTEN", "0.0.0.0:8700", "`server.public_url` is ``: with `sso.issuer`"),
        ] {
            let mut environment = good.to_vec();
            environment.retain(|(known, _)| *known != name);
            environment.push((name, value));
            let error = with(&environment).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("hunter2"), "{name}={value}: {error}");
        }
        let error = with(&[("NICTATE_SSO_PASSWORD_SIGN_IN", "false")]).unwrap_err().to_string();
        assert!(error.contains("`sso.password_sign_in` is `false`"), "{error}");
    }

    #[test]
    fn a_wrong_mail_server_is_refused_by_key_and_value() {
        let good = [
            ("NICTATE_SMTP_HOST", "smtp.example.com"),
            ("NICTATE_SMTP_PORT", "465"),
            ("NICTATE_SMTP_SECURITY", "tls"),
            ("NICTATE_SMTP_USERNAME", "nictate"),
            ("NICTATE_SMTP_PASSWORD", "hunter2"),
            ("NICTATE_SMTP_FROM", "Nictate <nictate@example.com>"),
        ];
        let config = with(&good).unwrap();
        assert_eq!((config.smtp.is_on(), config.smtp.port), (true, 465));
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!Config::default().smtp.is_on());
        for (name, value, part) in [
            ("NICTATE_SMTP_HOST", "smtp://x", "`smtp.host` is `smtp://x`"),
            ("NICTATE_SMTP_PORT", "0", "`smtp.port` is `0`: it must be at least 1"),
            ("NICTATE_SMTP_PORT", "65536", "port"),
            ("NICTATE_SMTP_SECURITY", "none", "`smtp.security` is `none`"),
            ("NICTATE_SMTP_SECURITY", "ssl", "security"),
            ("NICTATE_SMTP_USERNAME", "", "`smtp.username` is ``: with `smtp.password`"),
            ("NICTATE_SMTP_PASSWORD", "", "`smtp.password` is ``: with `smtp.username`"),
            ("NICTATE_SMTP_PASSWORD", "hunter2\n", "`smtp.password` is `********`"),
            ("NICTATE_SMTP_FROM", "", "`smtp.from` is ``: an address is needed"),
            ("NICTATE_SMTP_FROM", "a@example.com\r\nBcc: b@example.com", "`smtp.from` is"),
            ("NICTATE_SERVER_LISTEN", "0.0.0.0:8700", "`server.public_url` is ``: with `smtp.host`"),
        ] {
            let mut environment = good.to_vec();
            environment.retain(|(known, _)| *known != name);
            environment.push((name, value));
            let error = with(&environment).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("hunter2"), "{name}={value}: {error}");
        }
        for host in ["localhost", "127.0.0.1", "::1"] {
            let from = ("NICTATE_SMTP_FROM", "nictate@example.com");
            with(&[("NICTATE_SMTP_HOST", host), ("NICTATE_SMTP_SECURITY", "none"), from]).unwrap();
        }
    }

    #[test]
    fn a_wrong_storage_of_files_is_refused_by_key_and_value() {
        let good = [
            ("NICTATE_ATTACHMENTS_CONTENT_TYPES", "application/pdf, image/*"),
            ("NICTATE_ATTACHMENTS_S3_ENDPOINT", "https://s3.example.com"),
            ("NICTATE_ATTACHMENTS_S3_BUCKET", "files"),
            ("NICTATE_ATTACHMENTS_S3_PREFIX", "nictate/"),
            ("NICTATE_ATTACHMENTS_S3_ACCESS_KEY_ID", "AKIA"),
            ("NICTATE_ATTACHMENTS_S3_SECRET_ACCESS_KEY", "hunter2"),
        ];
        let config = with(&good).unwrap();
        assert!(config.attachments.is_in_s3() && !Config::default().attachments.is_in_s3());
        assert_eq!(config.attachments.content_types, ["application/pdf", "image/*"]);
        assert!(!format!("{config:?}").contains("hunter2"));
        for (name, value, part) in [
            ("NICTATE_ATTACHMENTS_FILE_BYTES_MAX", "0", "`attachments.file_bytes_max` is `0`"),
            ("NICTATE_ATTACHMENTS_WORKSPACE_BYTES_MAX", "0", "`attachments.workspace_bytes_max` is `0`"),
            ("NICTATE_ATTACHMENTS_CONTENT_TYPES", "pdf", "`attachments.content_types` is `pdf`"),
            ("NICTATE_ATTACHMENTS_SWEEP_PAUSE_MS", "99", "`attachments.sweep_pause_ms` is `99`: it must be"),
            (
                "NICTATE_ATTACHMENTS_S3_ENDPOINT",
                "s3.example.com",
                "`attachments.s3_endpoint` is `s3.example.com`",
            ),
            ("NICTATE_ATTACHMENTS_S3_REGION", "", "`attachments.s3_region` is ``"),
            ("NICTATE_ATTACHMENTS_S3_BUCKET", "", "`attachments.s3_bucket` is ``"),
            ("NICTATE_ATTACHMENTS_S3_PREFIX", "../", "`attachments.s3_prefix` is `../`"),
            ("NICTATE_ATTACHMENTS_S3_ACCESS_KEY_ID", "", "`attachments.s3_access_key_id` is ``"),
            (
                "NICTATE_ATTACHMENTS_S3_SECRET_ACCESS_KEY",
                "hunter2\n",
                "`attachments.s3_secret_access_key` is `********`",
            ),
        ] {
            let mut environment = good.to_vec();
            environment.retain(|(known, _)| *known != name);
            environment.push((name, value));
            let error = with(&environment).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("hunter2"), "{name}={value}: {error}");
        }
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("nictate.toml");
        std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:1\"\n[limits]\nrunner_capacity = 7\n").unwrap();
        let flags =
            Flags { config: Some(file.clone()), listen: Some("127.0.0.1:3".into()), ..Flags::default() };
        let environment = [("NICTATE_SERVER_LISTEN".to_owned(), "127.0.0.1:2".to_owned())];
        let config = load(&flags, environment.into_iter()).unwrap();
        assert_eq!((config.server.listen.as_str(), config.limits.runner_capacity), ("127.0.0.1:3", 7));
        std::fs::write(&file, "[server]\nlitsen = \"127.0.0.1:1\"\n").unwrap();
        let error = load(&flags, std::iter::empty()).unwrap_err().to_string();
        assert!(error.contains("nictate.toml`, line 2: unknown field `litsen`"), "{error}");
        std::fs::write(&file, "[database]\nurl = \"postgres://u:hunter2@h/d\n").unwrap();
        let error = load(&flags, std::iter::empty()).unwrap_err().to_string();
        assert!(error.contains("nictate.toml`, line 2: ") && !error.contains("hunter2"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}
