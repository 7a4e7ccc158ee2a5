//! The configuration and the log of commands that work where the server's data is.

use server::config::{self, Config, Flags, Log, LogFormat};
use tracing_subscriber::EnvFilter;

use crate::args::DatabaseArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::printer::{Printer, Target};

impl DatabaseArgs {
    /// What the command line says of the configuration.
    pub(crate) fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            data: self.data.clone(),
            database: self.database.clone(),
            ..Flags::default()
        }
    }
}

/// The configuration from flags, environment and file.
pub(crate) fn load(flags: &Flags) -> Outcome<Config> {
    config::load(flags, std::env::vars()).map_err(|error| {
        Failure::new(Exit::Invalid, error.to_string()).hint("docs/reference/configuration.md lists every key")
    })
}

/// Begins to write the log, to stderr.
pub(crate) fn start_log(log: &Log, printer: &Printer) -> Outcome<()> {
    let filter = EnvFilter::try_new(&log.level)
        .map_err(|error| Failure::new(Exit::Invalid, format!("`log.level` is `{}`: {error}", log.level)))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Fails only if there is a log already; then that one it is.
    let _ = match log.format {
        LogFormat::Text => builder.with_ansi(printer.is_colored(Target::Err)).with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}
