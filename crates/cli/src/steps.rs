//! Steps of a run as lines: what is printed while one waits, and the rows of `executions logs`.

use serde_json::Value;

use crate::printer::{Printer, Target, Tone};
use crate::text::{duration, one_line, printable, value_line};

/// A step that has ended, or runs.
pub(crate) struct StepLine {
    /// The step's path: its id, loop turns included.
    pub(crate) path: String,
    pub(crate) state: String,
    pub(crate) duration_ms: Option<i64>,
    /// The error, or else the output, in one line.
    pub(crate) detail: String,
}

impl StepLine {
    /// From a row of `GET /executions/{id}/steps`.
    pub(crate) fn from_api(row: &Value) -> Self {
        let path = [&row["path"], &row["step_id"]].into_iter().find_map(Value::as_str);
        let (started, finished) = (row["started_at"].as_i64(), row["finished_at"].as_i64());
        let duration_ms = finished.filter(|&at| at > 0).zip(started).map(|(end, begin)| end - begin);
        Self {
            path: path.unwrap_or_default().to_owned(),
            state: row["state"].as_str().unwrap_or_default().to_owned(),
            duration_ms,
            detail: detail(&row["error_data"], &row["output_data"]),
        }
    }

    /// The duration, or that there is none yet.
    pub(crate) fn duration(&self) -> String {
        self.duration_ms.map_or_else(|| "-".to_owned(), duration)
    }

    /// Prints it as one line whose columns are the same for every step.
    pub(crate) fn print(&self, printer: &Printer, target: Target) {
        let tone = match self.state.as_str() {
            "OK" => Tone::Success,
            "Failed" | "InDoubt" => Tone::Error,
            "Cancelled" => Tone::Warning,
            _ => Tone::Muted,
        };
        let path = one_line(&printable(&self.path), 60);
        let state = printer.paint(target, tone, &format!("{:<9}", one_line(&self.state, 20)));
        let line = format!("{path:<12} {state} {:>9}  {}", self.duration(), self.detail);
        printer.write(target, &format!("{}\n", line.trim_end()));
    }
}

/// The API gives each as a text that may be JSON, or as JSON.
pub(crate) fn detail(error: &Value, output: &Value) -> String {
    let error = parsed(error);
    if let Some(message) = error["message"].as_str() {
        return one_line(message, crate::text::EXCERPT_CHARS_MAX);
    }
    match value_line(&error) {
        error if error.is_empty() || error == "{}" => value_line(&parsed(output)),
        error => error,
    }
}

fn parsed(value: &Value) -> Value {
    match value.as_str() {
        Some(text) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        None => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_shows_its_error_before_its_output() {
        let check = |error: Value, output: Value, expected: &str| {
            let row = json!({"step_id": "S1", "state": "OK", "started_at": 10, "finished_at": 25,
                "error_data": error, "output_data": output});
            let line = StepLine::from_api(&row);
            assert_eq!((line.detail.as_str(), line.duration().as_str()), (expected, "15 ms"));
        };
        check(json!(null), json!({"a": 1}), r#"{"a":1}"#);
        check(json!(""), json!(r#"{"a": 1}"#), r#"{"a":1}"#);
        check(json!({"message": "no\nanswer", "code": "timeout"}), json!("partial"), "no answer");
        check(json!(r#"{"message": "x"}"#), json!(null), "x");
        check(json!(null), json!(null), "");
        check(json!(null), json!("plain text"), "plain text");
    }

    #[test]
    fn a_step_that_runs_has_no_duration() {
        let row =
            json!({"step_id": "S1", "path": "S1[2]", "state": "Running", "started_at": 10, "finished_at": 0});
        let line = StepLine::from_api(&row);
        assert_eq!((line.path.as_str(), line.duration().as_str()), ("S1[2]", "-"));
    }
}
