//! What every crate speaks of: typed ids, instants, the clock and randomness as parameters,
//! permissions, roles and limits. Knows no I/O beyond the two ambient sources it wraps.

mod clock;
mod event_kind;
mod id;
mod lease;
pub mod limits;
mod permission;
mod requirement;
mod rng;
mod role;

pub use clock::{Clock, FixedClock, SystemClock, Timestamp};
pub use event_kind::EventKind;
pub use id::{
    AgentId, AgentPackId, ApiKeyId, AppId, AppResourceId, AttachmentId, AuditId, BlobId, ConnectionId,
    ConnectionTypeId, CustomRoleId, ExecutionId, FileId, GroupId, Id, IdError, InviteId, PackId,
    RecordChangeId, RecordEventId, RecordId, RunnerGroupId, RunnerId, ServerId, SessionId, ShareId,
    StepExecutionId, StepLogId, TableFieldId, TableId, TenantId, UserId, UserSettingId, VersionId,
    WorkflowId, WorkspaceId,
};
pub use lease::{Lease, Moment};
pub use permission::{Permission, PermissionSet};
pub use requirement::{Requirement, RequirementError};
pub use rng::{Rng, SeededRng, SystemRng};
pub use role::{Assigned, BuiltInRole, Role, TenantRole};
