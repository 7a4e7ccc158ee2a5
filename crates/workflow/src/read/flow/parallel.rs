//! `internal.parallel`: `join`, how many of its branches must succeed. `internal.for`: `max_concurrency`.

use expr::Value;
use types::limits::LOOP_CONCURRENCY_MAX;

use super::params::Params;
use crate::codes;
use crate::document::Body;
use crate::plan::PlanValue;
use crate::read::Reader;
use crate::yaml::{Node, chosen};

const JOIN_NAMES: [&str; 5] = ["join_policy", "policy", "wait_for", "mode", "until"];
const CONCURRENCY_NAMES: [&str; 4] = ["concurrency", "max_parallel", "parallelism", "max_parallelism"];

impl Reader<'_> {
    pub(super) fn parallel(&mut self, params: &mut Params<'_>) -> Body {
        let join = params.find("join", &JOIN_NAMES);
        Body::Parallel { join: join.and_then(|entry| self.join(chosen(&entry.value))) }
    }

    /// `all`, `any`, a number of branches, or an expression that gives one of them.
    fn join(&mut self, node: &Node) -> Option<PlanValue> {
        let value = self.value(node);
        let PlanValue::Literal(literal) = &value else { return Some(value) };
        let text = literal.as_str().map(|text| text.trim().to_ascii_lowercase());
        let known = matches!(text.as_deref(), Some("all" | "any"));
        if known || whole(literal).is_some_and(|number| number > 0) {
            return Some(value);
        }
        let message = format!("`join` must be `all`, `any` or a number of branches, not {}", node.describe());
        self.problems.error(codes::PARALLEL_SHAPE, node.at, message);
        None
    }

    pub(super) fn max_concurrency(&mut self, params: &mut Params<'_>) -> Option<PlanValue> {
        let entry = params.find("max_concurrency", &CONCURRENCY_NAMES)?;
        let node = chosen(&entry.value);
        let value = self.value(node);
        let PlanValue::Literal(literal) = &value else { return Some(value) };
        if whole(literal).is_some_and(|number| (1..=LOOP_CONCURRENCY_MAX).contains(&number)) {
            return Some(value);
        }
        let message = format!(
            "`max_concurrency` must be 1 to {LOOP_CONCURRENCY_MAX} turns at a time, not {}",
            node.describe()
        );
        self.problems.error(codes::FOR_SHAPE, node.at, message);
        None
    }
}

fn whole(value: &Value) -> Option<usize> {
    match value {
        Value::Int(number) => usize::try_from(*number).ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
