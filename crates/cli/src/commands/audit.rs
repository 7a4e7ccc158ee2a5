//! `nictate audit verify`: whether the audit log is as it was written. Works on the database itself, beside running servers.

use serde_json::json;
use server::Stores;
use store::StoreError;
use store::audit_seals::{Verdict, last, verify};
use types::TenantId;

use super::serve::start_failure;
use crate::args::{AuditArgs, AuditCommand, DatabaseArgs};
use crate::exit::Exit;
use crate::failure::{Context as _, Failure, Outcome};
use crate::printer::Printer;
use crate::settings;

pub(crate) async fn run(args: &AuditArgs, printer: &Printer) -> Outcome {
    let AuditCommand::Verify { head, database } = &args.command;
    let (verdict, newest) = look(database, head.as_deref(), printer).await?;
    let (seals, entries, unsealed) = match verdict {
        Verdict::Whole { seals, entries, unsealed } => (seals, entries, unsealed),
        Verdict::Broken(what) => {
            return Err(Failure::new(
                Exit::Invalid,
                format!("the audit log is not as it was written: {what}"),
            ));
        }
    };
    if printer.is_json() {
        printer.json(&json!({"seals": seals, "entries": entries, "unsealed": unsealed, "head": newest}));
        return Ok(Exit::Ok);
    }
    printer.line(&format!(
        "the audit log is whole: {entries} entries under {seals} seals, {unsealed} not sealed yet"
    ));
    printer.line(&format!("head  {newest}"));
    Ok(Exit::Ok)
}

async fn look(
    database: &DatabaseArgs,
    head: Option<&str>,
    printer: &Printer,
) -> Result<(Verdict, String), Failure> {
    let config = settings::load(&database.flags())?;
    settings::start_log(&config.log, printer)?;
    let stores = Stores::open(&config).await.map_err(start_failure)?;
    let found = match store::tenants::first(&stores.db).await {
        Ok(Some(tenant)) => of_tenant(&stores, tenant.id, head).await,
        Ok(None) => Ok((Verdict::Whole { seals: 0, entries: 0, unsealed: 0 }, String::new())),
        Err(error) => Err(error),
    };
    stores.db.close().await;
    found.context(Exit::Failed, || "read the audit log".to_owned())
}

async fn of_tenant(
    stores: &Stores,
    tenant: TenantId,
    head: Option<&str>,
) -> Result<(Verdict, String), StoreError> {
    let verdict = verify(&stores.db, tenant, head).await?;
    let newest = last(&stores.db, tenant).await?;
    Ok((verdict, newest.map(|seal| seal.head).unwrap_or_default()))
}
