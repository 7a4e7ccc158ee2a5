//! `nictate audit verify`: whether the audit log is as it was written. Works on the database itself, beside running servers.

use serde_json::json;
use server::Stores;
use store::StoreError;
use store::audit_seals::{Verdict, last, verify};

use super::serve::start_failure;
use crate::args::{AuditArgs, AuditCommand, DatabaseArgs};
use crate::exit::Exit;
use crate::failure::{Context as _, Failure, Outcome};
use crate::printer::Printer;
use crate::settings;

/// The logs of all tenants together.
#[derive(Default)]
struct Whole {
    seals: i64,
    entries: i64,
    unsealed: i64,
    /// The newest of each.
    heads: Vec<String>,
}

pub(crate) async fn run(args: &AuditArgs, printer: &Printer) -> Outcome {
    let AuditCommand::Verify { head, database } = &args.command;
    let found = look(database, head.as_deref(), printer).await?;
    let whole = found.map_err(|what| {
        Failure::new(Exit::Invalid, format!("the audit log is not as it was written: {what}"))
    })?;
    let Whole { seals, entries, unsealed, heads } = whole;
    let head = heads.join(", ");
    if printer.is_json() {
        printer.json(&json!({"seals": seals, "entries": entries, "unsealed": unsealed, "head": head}));
        return Ok(Exit::Ok);
    }
    printer.line(&format!(
        "the audit log is whole: {entries} entries under {seals} seals, {unsealed} not sealed yet"
    ));
    printer.line(&format!("head  {head}"));
    Ok(Exit::Ok)
}

/// What is wrong with the logs, if anything is.
async fn look(
    database: &DatabaseArgs,
    head: Option<&str>,
    printer: &Printer,
) -> Result<Result<Whole, String>, Failure> {
    let config = settings::load(&database.flags())?;
    settings::start_log(&config.log, printer)?;
    let stores = Stores::open(&config).await.map_err(start_failure)?;
    let found = read(&stores, head).await;
    stores.db.close().await;
    found.context(Exit::Failed, || "read the audit log".to_owned())
}

async fn read(stores: &Stores, head: Option<&str>) -> Result<Result<Whole, String>, StoreError> {
    let (mut whole, mut missing) = (Whole::default(), None);
    for tenant in store::tenants::all(&stores.db).await? {
        match verify(&stores.db, tenant, None).await? {
            Verdict::Whole { seals, entries, unsealed } => {
                whole.seals += seals;
                whole.entries += entries;
                whole.unsealed += unsealed;
            }
            Verdict::Broken(what) => return Ok(Err(what)),
        }
        whole.heads.extend(last(&stores.db, tenant).await?.map(|seal| seal.head));
        // The head is of one of them.
        if head.is_some() && missing != Some(None) {
            missing = Some(match verify(&stores.db, tenant, head).await? {
                Verdict::Whole { .. } => None,
                Verdict::Broken(what) => Some(what),
            });
        }
    }
    Ok(missing.flatten().map_or(Ok(whole), Err))
}
