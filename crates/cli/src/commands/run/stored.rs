//! The stored connections of a local run: found in the database, opened with the key file, sealed again for
//! the runner. Every use stands in the audit log, as it does on a server.

use std::collections::HashMap;

use engine::{Dispatch, StepError};
use protocol::{AttemptToken, ConnectionGrant, SecretUse};
use secrets::KeyFile;
use secrets::session::SessionKey;
use serde_json::{Value, json};
use server::Vault;
use server::config::Config;
use store::audit::{ActorType, AuditEntry};
use store::connections::Connection;
use store::{DatabaseUrl, Db, Options};
use types::{AuditId, Clock as _, ConnectionId, ExecutionId, SystemClock, SystemRng, TenantId, Timestamp};

use crate::exit::Exit;
use crate::failure::{Context as _, Failure, Outcome, chain};

/// The connections that a run may use.
pub(super) struct Stored {
    db: Db,
    vault: Vault,
    rows: HashMap<String, Found>,
}

struct Found {
    row: Connection,
    /// Of a type that does not ship.
    definition: Option<Value>,
}

impl Stored {
    /// Opens the database and finds `named` (type and name) in it.
    ///
    /// # Errors
    /// No database, no key file, a connection that is missing or of another type.
    pub(super) async fn open(config: &Config, named: &[(String, String)]) -> Outcome<Self> {
        let db = open_database(config).await?;
        let key_file = config.key_file();
        let opening = || format!("open the stored connections with `{}`", key_file.display());
        let keys = KeyFile::load(&key_file).context(Exit::Failed, opening)?;
        let vault = Vault::new(db.clone(), keys);
        vault.check().await.context(Exit::Failed, opening)?;
        let reading = || "read the stored connections".to_owned();
        let tenant = store::tenants::first(&db).await.context(Exit::Failed, reading)?;
        let Some(tenant) = tenant else {
            return Err(Failure::new(Exit::NotFound, "the database holds no connections: it is empty"));
        };
        let mut rows = HashMap::new();
        for (kind, name) in named {
            let found = find(&db, tenant.id, kind, name).await?;
            rows.insert(name.clone(), found);
        }
        Ok(Self { db, vault, rows })
    }

    /// Opens a connection for one attempt and seals it for the runner.
    pub(super) async fn grant(
        &self,
        session: &SessionKey,
        token: &AttemptToken,
        execution: ExecutionId,
        dispatch: &Dispatch,
        kind: &str,
        name: &str,
    ) -> Result<ConnectionGrant, StepError> {
        let unusable =
            |why: String| StepError::new("connection_unusable", format!("connection `{name}` {why}"));
        let found = self.rows.get(name).ok_or_else(|| unusable("is not stored".to_owned()))?;
        let attributes = self.vault.attributes(&found.row).await;
        let attributes =
            attributes.map_err(|error| unusable(format!("cannot be opened: {}", chain(&error))))?;
        let details = json!({
            "step_id": dispatch.step, "path": dispatch.path, "attempt": dispatch.attempt,
            "action": dispatch.action, "connection_name": name, "local_run": true,
        });
        let entry =
            self.entry(execution, "connection.granted", found.row.id, None, &details, SystemClock.now());
        // What cannot be written down is not handed out.
        self.record(vec![entry]).await.map_err(|why| unusable(format!("cannot be used: {why}")))?;
        Ok(ConnectionGrant {
            id: found.row.id,
            name: name.to_owned(),
            type_name: kind.to_owned(),
            definition: found.definition.clone(),
            // A runner's own: the one of a local run has none, and says so.
            secret_manager: Some(found.row.secret_manager.clone()).filter(|name| !name.is_empty()),
            sealed_attributes: session.seal(token.as_str(), found.row.id, &attributes, &mut SystemRng),
        })
    }

    /// Writes down where an attempt's secrets went.
    pub(super) async fn record_uses(&self, execution: ExecutionId, dispatch: &Dispatch, uses: &[SecretUse]) {
        let details = json!({"path": dispatch.path, "attempt": dispatch.attempt, "local_run": true});
        let entries = uses.iter().map(|used| {
            let host = Some(used.host.clone());
            self.entry(execution, "connection.used", used.connection_id, host, &details, used.at)
        });
        if let Err(error) = self.record(entries.collect()).await {
            tracing::warn!(error, "the use of a connection could not be written to the audit log");
        }
    }

    fn entry(
        &self,
        execution: ExecutionId,
        action: &str,
        connection: ConnectionId,
        host: Option<String>,
        details: &Value,
        at: Timestamp,
    ) -> AuditEntry {
        let row = self.rows.values().map(|found| &found.row).find(|row| row.id == connection);
        AuditEntry {
            id: AuditId::new(at, &mut SystemRng),
            tenant_id: row.map_or_else(|| TenantId::of_name(""), |row| row.tenant_id),
            workspace_id: row.map(|row| row.workspace_id),
            at,
            actor_type: ActorType::Execution,
            actor_id: execution.to_string(),
            action: action.to_owned(),
            entity_type: "connection".to_owned(),
            entity_id: connection.to_string(),
            host,
            details: details.to_string(),
        }
    }

    async fn record(&self, entries: Vec<AuditEntry>) -> Result<(), String> {
        if entries.is_empty() {
            return Ok(());
        }
        let written = self.db.write(async move |tx| store::audit::record_many(tx, &entries).await).await;
        written.map_err(|error: store::StoreError| chain(&error))
    }
}

async fn open_database(config: &Config) -> Outcome<Db> {
    let url: DatabaseUrl = config.database_url().parse().map_err(|error: store::UrlError| {
        Failure::new(Exit::Invalid, format!("`database.url` cannot be used: {error}"))
    })?;
    // Opening would make an empty one, and then say that the connection is missing.
    if let DatabaseUrl::Sqlite(path) = &url
        && !path.exists()
    {
        let message =
            format!("the workflow uses stored connections, and there is no database `{}`", path.display());
        return Err(Failure::new(Exit::NotFound, message)
            .hint("--data names the server's data folder, --database another database"));
    }
    let options = Options { connections_max: 2, ..Options::default() };
    let db = Db::open(&url, &options).await.context(Exit::Failed, || "open the database".to_owned())?;
    let pending = db.pending_migrations().await.context(Exit::Failed, || "read the database".to_owned())?;
    if !pending.is_empty() {
        return Err(Failure::new(Exit::Failed, "the database is of an older version")
            .hint("`nictate migrate` brings it up to this one"));
    }
    Ok(db)
}

async fn find(db: &Db, tenant: TenantId, kind: &str, name: &str) -> Outcome<Found> {
    let reading = || format!("read the connection `{name}`");
    let row = store::connections::get_by_name(db, tenant, name).await.context(Exit::Failed, reading)?;
    let Some(row) = row else {
        return Err(Failure::new(Exit::NotFound, format!("there is no stored connection `{name}`"))
            .hint(format!("--connection {kind}=NAME uses another one")));
    };
    if row.type_name != kind {
        let message = format!("the connection `{name}` is of type `{}`, not `{kind}`", row.type_name);
        return Err(Failure::new(Exit::Invalid, message));
    }
    if !row.active {
        return Err(Failure::new(Exit::Invalid, format!("the connection `{name}` is deactivated")));
    }
    let own = store::connection_types::get(db, tenant, row.connection_type_id).await;
    let own = own.context(Exit::Failed, reading)?;
    let definition = own.and_then(|own| serde_json::from_str(&own.definition).ok());
    Ok(Found { row, definition })
}
