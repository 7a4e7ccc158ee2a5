//! What steps of runs have written to tables. The row is written in the transaction of the write itself: whoever begins
//! the step again, after a crash or as its new owner, finds what it has answered and writes nothing.

use types::{ExecutionId, Timestamp};

use crate::statement::sql;
use crate::{Read as _, StoreError, Tx, Value};

/// The unique key that a second writer of one step meets.
pub const KEY: &str = "table_steps_pkey";

/// A step of a run, whichever attempt. With other inputs it is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableStep {
    /// The run.
    pub execution: ExecutionId,
    /// The step's path.
    pub path: String,
    /// How often somebody has replaced its inputs.
    pub replacements: u32,
}

sql! {
    INSERT = "table_steps.insert":
        "INSERT INTO table_steps (execution_id, path, replacements, output, created_at) VALUES ($1, $2, $3, $4, $5)";
    UPDATE = "table_steps.update":
        "UPDATE table_steps SET output = $4 WHERE execution_id = $1 AND path = $2 AND replacements = $3 AND output = $5";
    GET = "table_steps.get":
        "SELECT output FROM table_steps WHERE execution_id = $1 AND path = $2 AND replacements = $3";
}

/// What the step has answered, as JSON; none if it has written nothing yet.
pub async fn get(tx: &Tx<'_>, step: &TableStep) -> Result<Option<String>, StoreError> {
    tx.read_one(&GET, &key(step), |row| row.string(0)).await
}

/// The transaction writes what the step asks for. Fails with [`KEY`] if another one has done so in between.
pub async fn insert(tx: &Tx<'_>, step: &TableStep, output: &str, at: Timestamp) -> Result<(), StoreError> {
    let [execution, path, replacements] = key(step);
    tx.execute(&INSERT, &[execution, path, replacements, output.into(), at.into()]).await?;
    Ok(())
}

/// The transaction writes more of what the step asks for, of which `before` has told. Answers whether it still is so.
pub async fn update(tx: &Tx<'_>, step: &TableStep, before: &str, output: &str) -> Result<bool, StoreError> {
    let [execution, path, replacements] = key(step);
    Ok(tx.execute(&UPDATE, &[execution, path, replacements, output.into(), before.into()]).await? == 1)
}

/// What finds the step's row.
fn key(step: &TableStep) -> [Value<'_>; 3] {
    [step.execution.into(), (&step.path).into(), i64::from(step.replacements).into()]
}
