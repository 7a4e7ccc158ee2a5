//! What an audit entry says beyond who did what to what: from where, and what the thing was before and after. Things are
//! told as the API shows them, so that a secret is a mask here as there.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use store::audit::AuditEntry;
use types::{ApiKeyId, SessionId};

/// Bytes of a member's JSON that is written down; of a longer one its size and hash are.
const VALUE_BYTES_MAX: usize = 2 * 1024;
/// Members that change with every change: the entry itself says when and by whom.
const STAMPS: &[&str] = &["updated_at", "updated_by"];

/// From where a caller did something.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Whence {
    /// The address, where it was looked for.
    pub(crate) peer: Option<IpAddr>,
    /// The key that was used.
    pub(crate) key: Option<ApiKeyId>,
    /// The session that was used.
    pub(crate) session: Option<SessionId>,
}

impl Whence {
    /// The entry that says so.
    pub(crate) fn told(self, entry: AuditEntry) -> AuditEntry {
        let mut members = Map::new();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), value.into());
            }
        };
        add("peer", self.peer.map(|peer| peer.to_string()));
        add("api_key_id", self.key.map(|key| key.to_string()));
        add("session", self.session.map(|session| session.to_string()));
        entry.with(members)
    }
}

/// The entry with more members, of an object.
pub(crate) fn also(entry: AuditEntry, more: Value) -> AuditEntry {
    match more {
        Value::Object(more) => entry.with(more),
        _ => entry,
    }
}

/// The entry of something that is there now.
pub(crate) fn made(entry: AuditEntry, after: &impl Serialize) -> AuditEntry {
    told(entry, Map::new(), members(after))
}

/// The entry of something that is another now: what of it differs.
pub(crate) fn changed(entry: AuditEntry, before: &impl Serialize, after: &impl Serialize) -> AuditEntry {
    let (mut before, mut after) = (members(before), members(after));
    before.retain(|name, value| after.get(name) != Some(value) || after.shift_remove(name).is_none());
    told(entry, before, after)
}

/// The entry of something that is gone.
pub(crate) fn gone(entry: AuditEntry, before: &impl Serialize) -> AuditEntry {
    told(entry, members(before), Map::new())
}

fn told(entry: AuditEntry, before: Map<String, Value>, after: Map<String, Value>) -> AuditEntry {
    let sides = [("before", before), ("after", after)].into_iter().filter(|(_, members)| !members.is_empty());
    entry.with(sides.map(|(name, members)| (name.to_owned(), bounded(members))).collect())
}

fn members(thing: &impl Serialize) -> Map<String, Value> {
    let Ok(Value::Object(mut members)) = serde_json::to_value(thing) else { return Map::new() };
    members.retain(|name, _| !STAMPS.contains(&name.as_str()));
    members
}

fn bounded(members: Map<String, Value>) -> Value {
    let short = |value: Value| {
        let text = value.to_string();
        if text.len() <= VALUE_BYTES_MAX {
            return value;
        }
        let hash: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        serde_json::json!({"bytes": text.len(), "sha256": hash})
    };
    Value::Object(members.into_iter().map(|(name, value)| (name, short(value))).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::audit::ActorType;
    use types::{AuditId, TenantId, Timestamp};

    use super::*;

    fn entry() -> AuditEntry {
        AuditEntry {
            id: AuditId::of_name("entry"),
            tenant_id: TenantId::of_name("tenant"),
            workspace_id: None,
            at: Timestamp::from_millis(1),
            actor_type: ActorType::User,
            actor_id: String::new(),
            action: String::new(),
            entity_type: String::new(),
            entity_id: String::new(),
            host: None,
            details: json!({"name": "x"}).to_string(),
        }
    }

    fn details(entry: &AuditEntry) -> Value {
        serde_json::from_str(&entry.details).unwrap()
    }

    #[test]
    fn a_change_names_what_differs_and_nothing_else() {
        let (before, after) = (
            json!({"id": 1, "a": "x", "only_before": 1, "updated_at": 1}),
            json!({"id": 1, "a": "y", "only_after": 2, "updated_at": 2}),
        );
        let told = details(&changed(entry(), &before, &after));
        assert_eq!(
            told,
            json!({"name": "x", "before": {"a": "x", "only_before": 1}, "after": {"a": "y", "only_after": 2}})
        );
        assert_eq!(details(&changed(entry(), &before, &before)), json!({"name": "x"}));
        assert_eq!(details(&gone(entry(), &json!({"a": 1}))), json!({"name": "x", "before": {"a": 1}}));
    }

    #[test]
    fn a_long_value_is_told_by_size_and_hash() {
        let fits = "x".repeat(VALUE_BYTES_MAX - 2);
        assert_eq!(details(&made(entry(), &json!({"text": fits})))["after"]["text"], json!(fits));
        let told = details(&made(entry(), &json!({"text": format!("{fits}x")})));
        assert_eq!(told["after"]["text"]["bytes"], VALUE_BYTES_MAX + 1);
        assert_eq!(told["after"]["text"]["sha256"].as_str().unwrap().len(), 64);
    }

    #[test]
    fn where_somebody_came_from_is_said_as_far_as_it_is_known() {
        let whence = Whence { peer: Some([192, 0, 2, 1].into()), ..Whence::default() };
        assert_eq!(details(&whence.told(entry())), json!({"name": "x", "peer": "192.0.2.1"}));
    }
}
