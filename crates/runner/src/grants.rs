//! Opening the connections that an assignment grants.

use std::sync::Arc;

use actions::connection_types::{ConnectionType, Credential, Registry};
use actions::http::Attributes;
use actions::{ActionError, Connection, ErrorCode};
use protocol::{Assignment, ConnectionGrant};
use secrets::session::SessionKey;
use secrets::{Redactor, Secret};

use crate::SecretManagers;

/// The opened connections, and what takes their secrets out of everything the attempt says.
pub(crate) struct Grants {
    pub(crate) connections: Vec<Connection>,
    pub(crate) redactor: Arc<Redactor>,
}

/// Opens all grants of `assignment`.
pub(crate) async fn open(
    session: Option<&SessionKey>,
    managers: &SecretManagers,
    assignment: &Assignment,
) -> Result<Grants, ActionError> {
    let mut connections = Vec::with_capacity(assignment.connections.len());
    let mut secrets: Vec<Secret<String>> = Vec::new();
    for grant in &assignment.connections {
        let kind = kind_of(grant)?;
        let no_key =
            || ActionError::new(ErrorCode::ConnectionInvalid, "the grant came without a session key");
        let mut attributes = session
            .ok_or_else(no_key)?
            .open(assignment.token.as_str(), grant.id, &grant.sealed_attributes)
            .map_err(|error| ActionError::new(ErrorCode::ConnectionInvalid, error.to_string()))?;
        if let Some(manager) = &grant.secret_manager {
            look_up(&kind, managers, manager, &grant.name, &mut attributes).await?;
        }
        let secret = attributes.iter().filter(|(name, _)| kind.is_secret(name));
        secrets.extend(secret.map(|(_, value)| value.duplicate()));
        let credential = Arc::new(Credential::new(kind, &attributes));
        connections.push(Connection { id: grant.id, name: grant.name.clone(), credential });
    }
    Ok(Grants { connections, redactor: Arc::new(Redactor::new(&secrets)) })
}

/// Puts the secrets in the place of what they are called.
async fn look_up(
    kind: &ConnectionType,
    managers: &SecretManagers,
    manager: &str,
    connection: &str,
    attributes: &mut Attributes,
) -> Result<(), ActionError> {
    for (name, value) in attributes.iter_mut().filter(|(name, _)| kind.is_secret(name)) {
        *value = managers.read(manager, value.expose()).await.map_err(|error| {
            let message = format!("`{name}` of connection `{connection}`, kept by `{manager}`: {error}");
            ActionError::new(ErrorCode::ConnectionInvalid, message)
        })?;
    }
    Ok(())
}

fn kind_of(grant: &ConnectionGrant) -> Result<Arc<ConnectionType>, ActionError> {
    let invalid = |message: String| ActionError::new(ErrorCode::ConnectionInvalid, message);
    match &grant.definition {
        Some(definition) => {
            ConnectionType::from_json(&grant.type_name, &definition.to_string()).map(Arc::new).map_err(
                |error| invalid(format!("the type of connection `{}` is not usable: {error}", grant.name)),
            )
        }
        None => Registry::builtin()
            .get(&grant.type_name)
            .cloned()
            .ok_or_else(|| invalid(format!("this runner has no connection type `{}`", grant.type_name))),
    }
}
