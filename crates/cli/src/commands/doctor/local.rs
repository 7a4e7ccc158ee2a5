//! What can be seen where the data is: configuration, key file, database, and that they belong together.

use secrets::KeyFile;
use server::Vault;
use server::config::{Config, SandboxMode};
use store::{DatabaseUrl, Db, Options};

use super::{Finding, Verdict};
use crate::args::DatabaseArgs;
use crate::code_host::code_host;
use crate::failure::chain;
use crate::settings;

/// Looks at everything that is there.
pub(super) async fn look(args: &DatabaseArgs) -> Vec<Finding> {
    let config = match settings::load(&args.flags()) {
        Ok(config) => config,
        Err(failure) => return vec![Finding::failed("configuration", failure)],
    };
    let mut findings = vec![Finding::new("configuration", Verdict::Ok, "can be used")];
    let (key_file, keys) = look_at_key_file(&config);
    findings.push(key_file);
    let (database, db) = look_at_database(&config).await;
    findings.push(database);
    if let (Some(db), Some(keys)) = (db, keys) {
        findings.push(look_at_secrets(db, keys).await);
    }
    findings.push(look_at_sandbox(&config).await);
    findings
}

fn look_at_key_file(config: &Config) -> (Finding, Option<KeyFile>) {
    const WHAT: &str = "key file";
    let path = config.key_file();
    if !path.exists() {
        let finding = Finding::new(WHAT, Verdict::Skipped, format!("there is none at `{}`", path.display()));
        return (
            finding.hint("the first start of a server makes it; --data names another data folder"),
            None,
        );
    }
    match KeyFile::load(&path) {
        Ok(keys) => (Finding::new(WHAT, Verdict::Ok, format!("`{}`", path.display())), Some(keys)),
        Err(error) => (Finding::new(WHAT, Verdict::Failed, chain(&error)), None),
    }
}

async fn look_at_database(config: &Config) -> (Finding, Option<Db>) {
    const WHAT: &str = "database";
    let failed = |detail: String| (Finding::new(WHAT, Verdict::Failed, detail), None);
    let url: DatabaseUrl = match config.database_url().parse() {
        Ok(url) => url,
        Err(error) => return failed(chain(&error)),
    };
    // To open it would be to make it.
    if let DatabaseUrl::Sqlite(path) = &url
        && !path.exists()
    {
        let detail = format!("there is none at `{}`", path.display());
        return (Finding::new(WHAT, Verdict::Skipped, detail), None);
    }
    let db = match Db::open(&url, &Options { connections_max: 1, ..Options::default() }).await {
        Ok(db) => db,
        Err(error) => return failed(chain(&error)),
    };
    match db.pending_migrations().await {
        Ok(pending) if pending.is_empty() => {
            (Finding::new(WHAT, Verdict::Ok, "answers, and is up to date"), Some(db))
        }
        Ok(pending) => {
            let finding =
                Finding::new(WHAT, Verdict::Warning, format!("is behind by {}", pending.join(", ")));
            (finding.hint("the next start brings it up to date, `nictate migrate` does so now"), None)
        }
        Err(error) => failed(chain(&error)),
    }
}

/// What of the sandbox the kernel allows here, where the embedded runner would run code.
async fn look_at_sandbox(config: &Config) -> Finding {
    const WHAT: &str = "sandbox";
    if config.sandbox.mode == SandboxMode::Off {
        return Finding::new(WHAT, Verdict::Skipped, "`sandbox.mode` is `off`: code steps are refused");
    }
    let host = code_host(&config.sandbox, config.packages.settings(&config.server.data));
    let sandbox = match host.sandbox().await {
        Ok(sandbox) => sandbox,
        Err(error) => return Finding::new(WHAT, Verdict::Failed, error.message),
    };
    let report = sandbox.report();
    if !report.is_full() {
        let accepted = config.sandbox.mode == SandboxMode::Reduced && report.allows_reduced();
        let verdict = if accepted { Verdict::Warning } else { Verdict::Failed };
        let finding = Finding::new(WHAT, verdict, report.to_string());
        return match report.allows_reduced() && !accepted {
            true => finding.hint("code steps are refused; `sandbox.mode = \"reduced\"` accepts fewer walls"),
            false => finding,
        };
    }
    match sandbox.python() {
        Ok(version) => Finding::new(WHAT, Verdict::Ok, format!("{report}; Python {version}")),
        Err(why) => Finding::new(WHAT, Verdict::Warning, report.to_string())
            .hint(format!("Python steps are refused: {why}; `sandbox.python` names another interpreter")),
    }
}

async fn look_at_secrets(db: Db, keys: KeyFile) -> Finding {
    const WHAT: &str = "secrets";
    match Vault::new(db, keys).check().await {
        Ok(()) => Finding::new(WHAT, Verdict::Ok, "the key file opens every data key of the database"),
        Err(error) => Finding::new(WHAT, Verdict::Failed, chain(&error))
            .hint("the key file is not the one that the database was written with: put that one back"),
    }
}
