//! Connection types: those that ship with the server, and the tenant's own.

use std::sync::Arc;

use actions::connection_types::{ConnectionType, Registry};
use store::{Db, StoreError};
use types::{ConnectionTypeId, TenantId};

/// A type that connections can have.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its id.
    pub id: ConnectionTypeId,
    /// What it is.
    pub definition: Arc<ConnectionType>,
    /// The tenant's row; none for a type that ships with the server.
    pub row: Option<store::connection_types::ConnectionType>,
}

/// Finds types by id or name.
pub struct ConnectionKinds {
    db: Db,
}

impl ConnectionKinds {
    /// The built-in types and those in `db`.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// The type of that id.
    pub async fn find(&self, tenant: TenantId, id: ConnectionTypeId) -> Result<Option<Kind>, StoreError> {
        if let Some(definition) = Registry::builtin().get_by_id(id) {
            return Ok(Some(built_in(definition)));
        }
        store::connection_types::get(&self.db, tenant, id).await?.map(own).transpose()
    }

    /// The type of that name.
    pub async fn find_by_name(&self, tenant: TenantId, name: &str) -> Result<Option<Kind>, StoreError> {
        if let Some(definition) = Registry::builtin().get(name) {
            return Ok(Some(built_in(definition)));
        }
        store::connection_types::get_by_name(&self.db, tenant, name).await?.map(own).transpose()
    }

    /// The type of that id or, if the text is no id, of that name.
    pub async fn find_by_text(&self, tenant: TenantId, text: &str) -> Result<Option<Kind>, StoreError> {
        match text.parse() {
            Ok(id) => self.find(tenant, id).await,
            Err(_) => self.find_by_name(tenant, text).await,
        }
    }

    /// Every type, by name.
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<Kind>, StoreError> {
        let mut kinds: Vec<Kind> = Registry::builtin().iter().map(built_in).collect();
        for row in store::connection_types::list(&self.db, tenant).await? {
            kinds.push(own(row)?);
        }
        kinds.sort_by(|a, b| a.definition.name.cmp(&b.definition.name));
        Ok(kinds)
    }

    /// The names of every type.
    pub async fn names(&self, tenant: TenantId) -> Result<Vec<String>, StoreError> {
        Ok(self.list(tenant).await?.into_iter().map(|kind| kind.definition.name.clone()).collect())
    }
}

fn built_in(definition: &Arc<ConnectionType>) -> Kind {
    Kind { id: definition.id(), definition: Arc::clone(definition), row: None }
}

fn own(row: store::connection_types::ConnectionType) -> Result<Kind, StoreError> {
    let definition =
        ConnectionType::from_json(&row.name, &row.definition).map_err(|error| StoreError::Corrupt {
            table: "connection_types".to_owned(),
            column: "definition".to_owned(),
            id: row.id.to_string(),
            reason: error.to_string(),
        })?;
    Ok(Kind { id: row.id, definition: Arc::new(definition), row: Some(row) })
}
