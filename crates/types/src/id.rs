//! Typed ids. An id is a UUID; the type parameter says of what, so that a workflow's id cannot stand
//! where a workspace's belongs. New ones are of version 7 (RFC 9562): they sort by time of making.
//! An id is never a secret.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::{Rng, Timestamp};

/// A UUID that names a thing of kind `K`.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

/// A text that is not the UUID it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")]
pub struct IdError {
    text: String,
}

impl<K> Id<K> {
    /// A new id of version 7: 48 bits of `now` in milliseconds, then randomness.
    pub fn new(now: Timestamp, rng: &mut dyn Rng) -> Self {
        let mut random = [0; 10];
        rng.fill(&mut random);
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid(), PhantomData)
    }

    /// The id which `name` always has: version 5 in a namespace of this project's own. For things that
    /// ship with the program, such as the built-in connection types.
    pub fn of_name(name: &str) -> Self {
        const NAMESPACE: Uuid = Uuid::from_u128(0x6e69_6374_6174_4500_8000_6e61_6d65_7370);
        Self(Uuid::new_v5(&NAMESPACE, name.as_bytes()), PhantomData)
    }

    /// The UUID itself.
    pub const fn as_uuid(&self) -> Uuid {
        self.0
    }
}

impl<K> From<Uuid> for Id<K> {
    fn from(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }
}

impl<K> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // Only the canonical 36 characters: braces, `urn:` and bare hex would give one row two names.
        if text.len() != 36 {
            return Err(IdError { text: text.chars().take(64).collect() });
        }
        let uuid = Uuid::try_parse(text).map_err(|_| IdError { text: text.to_owned() })?;
        Ok(Self(uuid, PhantomData))
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Id<K> {}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $alias:ident = $kind:ident;)*) => {$(
        #[doc(hidden)]
        #[derive(Clone, Copy, Debug)]
        pub enum $kind {}
        $(#[$doc])*
        pub type $alias = Id<$kind>;
    )*};
}

ids! {
    /// A company: owns workspaces, users and the names of connections.
    TenantId = TenantKind;
    /// A team's room: owns workflows, executions, connections.
    WorkspaceId = WorkspaceKind;
    /// A person or a service account.
    UserId = UserKind;
    /// A group of users.
    GroupId = GroupKind;
    /// Something that a workspace lends to somebody.
    ShareId = ShareKind;
    /// A role that the tenant has made of permissions.
    CustomRoleId = CustomRoleKind;
    /// An invitation of somebody into the tenant.
    InviteId = InviteKind;
    /// Something that a user keeps for a client.
    UserSettingId = UserSettingKind;
    /// A user's key to the API (its id, not the key).
    ApiKeyId = ApiKeyKind;
    /// A stored connection to a tool.
    ConnectionId = ConnectionKind;
    /// A kind of tool that connections connect to.
    ConnectionTypeId = ConnectionTypeKind;
    /// A workflow; on the wire it is called a playbook.
    WorkflowId = WorkflowKind;
    /// One saved version of a workflow.
    VersionId = VersionKind;
    /// A folder of workflows; on the wire an automation pack.
    PackId = PackKind;
    /// An agent: a role, and the workflows that it may run.
    AgentId = AgentKind;
    /// A folder of agents.
    AgentPackId = AgentPackKind;
    /// An app, which people call a dashboard.
    AppId = AppKind;
    /// A thing that an app shows.
    AppResourceId = AppResourceKind;
    /// A table of a workspace.
    TableId = TableKind;
    /// A field of such a table.
    TableFieldId = TableFieldKind;
    /// A record of such a table.
    RecordId = RecordKind;
    /// One change of such a record.
    RecordChangeId = RecordChangeKind;
    /// A run that is to be started because a record has changed.
    RecordEventId = RecordEventKind;
    /// One run of a workflow.
    ExecutionId = ExecutionKind;
    /// One run of a step.
    StepExecutionId = StepExecutionKind;
    /// A file that a step has left.
    FileId = FileKind;
    /// A file of a record.
    AttachmentId = AttachmentKind;
    /// A content that files of records have.
    BlobId = BlobKind;
    /// One row of the audit log.
    AuditId = AuditKind;
    /// What one attempt of a step has said.
    StepLogId = StepLogKind;
    /// A group of runners that a workspace owns.
    RunnerGroupId = RunnerGroupKind;
    /// One process that runs steps for a server.
    RunnerId = RunnerKind;
    /// One running server process.
    ServerId = ServerKind;
    /// A browser that somebody has signed in with (its id, not its token).
    SessionId = SessionKind;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;

    #[test]
    fn ids_made_later_sort_later() {
        let mut rng = SeededRng::from_u64(1);
        let early = WorkflowId::new(Timestamp::from_millis(1_000), &mut rng);
        let late = WorkflowId::new(Timestamp::from_millis(2_000), &mut rng);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
        assert_eq!(early.as_uuid().get_version_num(), 7);
    }

    #[test]
    fn only_the_canonical_form_is_read() {
        let id = WorkflowId::of_name("x");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in
            ["", "1", "urn:uuid:67e55044-10b1-426f-9247-bb680e5fe0c8", "67e5504410b1426f9247bb680e5fe0c8"]
        {
            assert!(text.parse::<WorkflowId>().is_err(), "{text}");
        }
    }
}
