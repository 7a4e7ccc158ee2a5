//! The facts about a run that its expressions can read: `metadata.*`. Here is the one list of them; the server and
//! `nictate run` fill it in, the checks know it.

use expr::{Map, Shape, Value};

/// What `metadata.*` answers. Where there is no server, what only a server knows is empty.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // the contract's own names
pub struct Metadata {
    pub automation_name: String,
    pub automation_id: String,
    /// Where people edit the workflow.
    pub automation_url: String,
    pub tenant_id: String,
    pub workspace_id: String,
    pub pack_id: String,
    pub execution_id: String,
    /// Where people watch the run.
    pub execution_url: String,
    /// Who started it.
    pub user_email: String,
    /// The groups that they are in.
    pub user_groups: Vec<String>,
    /// Milliseconds since the epoch.
    pub start_time: i64,
}

impl From<Metadata> for Map {
    fn from(metadata: Metadata) -> Self {
        let Metadata {
            automation_name,
            automation_id,
            automation_url,
            tenant_id,
            workspace_id,
            pack_id,
            execution_id,
            execution_url,
            user_email,
            user_groups,
            start_time,
        } = metadata;
        let entries: [(&str, Value); 11] = [
            ("automation_name", automation_name.into()),
            ("automation_id", automation_id.into()),
            ("automation_url", automation_url.into()),
            ("tenant_id", tenant_id.into()),
            ("workspace_id", workspace_id.into()),
            ("pack_id", pack_id.into()),
            ("execution_id", execution_id.into()),
            ("execution_url", execution_url.into()),
            ("user_email", user_email.into()),
            ("start_time", start_time.into()),
            ("user_groups", user_groups.into_iter().collect()),
        ];
        entries.into_iter().map(|(name, value)| (name.into(), value)).collect()
    }
}

/// What the checks know of them.
pub(crate) fn shape() -> Shape {
    Shape::of(&Value::from(Map::from(Metadata::default())))
}
