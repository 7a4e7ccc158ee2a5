//! `internal.EndRun`: `status` and `message`, both optional.

use expr::Value;

use super::params::Params;
use crate::codes;
use crate::document::Body;
use crate::plan::PlanValue;
use crate::read::Reader;
use crate::yaml::Node;

impl Reader<'_> {
    pub(super) fn end_run(&mut self, params: &mut Params<'_>) -> Body {
        let status = params.find("status", &["run_status", "end_status", "state"]);
        let message = params.find("message", &["error", "error_message", "reason", "text"]);
        Body::EndRun {
            status: status.and_then(|entry| self.end_status(crate::yaml::chosen(&entry.value))),
            message: message.map(|entry| self.value(&entry.value)),
        }
    }

    fn end_status(&mut self, node: &Node) -> Option<PlanValue> {
        let value = self.value(node);
        if !matches!(value, PlanValue::Literal(_)) {
            return Some(value);
        }
        let status = match self.text(node, "`status`")?.to_ascii_lowercase().as_str() {
            "completed" | "complete" | "success" | "succeeded" | "ok" => "Completed",
            "failed" | "failure" | "fail" | "error" => "Failed",
            other => {
                let message = format!("`status` must be `Completed` or `Failed`, not `{other}`");
                self.problems.error(codes::END_RUN_SHAPE, node.at, message);
                return None;
            }
        };
        Some(PlanValue::Literal(Value::from(status)))
    }
}
