//! The settings that any step may carry: beside its `action`, or under `configuration`.

use expr::Value;
use types::limits::STEP_TIMEOUT_MS_MAX;

use crate::bind::checkbox;
use crate::codes;
use crate::file_name::file_name_problem;
use crate::near::normal;
use crate::plan::{PlanValue, SaveOutput, StepSettings};
use crate::read::Reader;
use crate::read::flow::CONFIGURATION;
use crate::source::Extent;
use crate::yaml::{Entry, Node, chosen};

/// The published spelling of every setting.
pub(super) const SETTINGS: [&str; 10] = [
    "timeout",
    "continue_on_error",
    "include_full_response",
    "discard_output",
    "save_output_to_file",
    "retry",
    "when",
    "mock_output_enabled",
    "mock_output",
    "custom_runner_group_name",
];

/// Settings while they are read: the mock's two keys belong together.
#[derive(Default)]
pub(super) struct Draft {
    settings: StepSettings,
    mocked: bool,
    mock: Option<Value>,
    /// Where `retry` stands, to say so if the action cannot be tried again.
    pub(super) retry_at: Option<Extent>,
    /// Where the runner group stands.
    pub(super) runner_group_at: Option<Extent>,
}

impl Draft {
    pub(super) fn finish(self) -> StepSettings {
        let mock_output = self.mocked.then(|| self.mock.unwrap_or(Value::Nil));
        StepSettings { mock_output, ..self.settings }
    }
}

impl Reader<'_> {
    /// Takes `entry` if it is a setting.
    pub(super) fn setting(&mut self, entry: &Entry, draft: &mut Draft) -> bool {
        let settings = &mut draft.settings;
        let node = &entry.value;
        match normal(&entry.key.text).as_str() {
            "timeout" | "timeoutseconds" | "timeoutinseconds" | "steptimeout" => {
                settings.timeout_ms = self.timeout(node);
            }
            "continueonerror" => settings.continue_on_error = self.flag(node, "`continue_on_error`"),
            "includefullresponse" | "fullresponse" => {
                settings.full_response = self.flag(node, "`include_full_response`");
            }
            "discardoutput" => settings.discard_output = self.flag(node, "`discard_output`"),
            "saveoutputtofile" | "saveoutputtoafile" | "saveoutputasfile" | "saveoutput" => {
                settings.save_output = self.save_output(node);
            }
            "retry" | "retries" | "retrypolicy" => {
                settings.retry = self.retry(node);
                draft.retry_at = settings.retry.is_some().then_some(entry.key.at);
            }
            "when" => settings.when = self.when(node),
            "customrunnergroupname" | "customrunnergroup" | "runnergroup" | "runnergroupname" => {
                settings.runner_group = self.runner_group(node);
                draft.runner_group_at = settings.runner_group.is_some().then_some(node.at);
            }
            "mockoutputenabled" => draft.mocked = self.flag(node, "`mock_output_enabled`"),
            "mockoutput" => draft.mock = Some(mock_output(node)),
            _ => return false,
        }
        true
    }

    pub(super) fn configuration(&mut self, node: &Node, draft: &mut Draft) {
        for entry in self.map(node, "`configuration`") {
            // What it holds of the call of another workflow is read with that.
            let of_a_call = CONFIGURATION.iter().any(|key| normal(key) == normal(&entry.key.text));
            if !of_a_call && !self.setting(entry, draft) {
                let known: Vec<_> = SETTINGS.into_iter().chain(CONFIGURATION).collect();
                self.near_miss(entry, "`configuration`", &known);
            }
        }
    }

    /// True and false, and the words for them; nothing is false.
    pub(super) fn flag(&mut self, node: &Node, what: &str) -> bool {
        if node.is_empty() {
            return false;
        }
        checkbox(&node.to_value()).unwrap_or_else(|| {
            let message = format!("{what} must be true or false, not {}", node.describe());
            self.problems.error(codes::INVALID_SETTING, node.at, message);
            false
        })
    }

    /// True and false, and the words for them; any other text is the file's name.
    fn save_output(&mut self, node: &Node) -> Option<SaveOutput> {
        if node.is_empty() {
            return None;
        }
        match (checkbox(&node.to_value()), node.as_str()) {
            (Some(flag), _) => flag.then_some(SaveOutput::ByStep),
            (None, Some(name)) => {
                let problem = if name.contains("{{") { None } else { file_name_problem(name) };
                if let Some(problem) = problem {
                    let message = format!("`save_output_to_file`: the file name `{name}` {problem}");
                    self.problems.error(codes::INVALID_SETTING, node.at, message);
                    return None;
                }
                Some(SaveOutput::Named(self.value(node)))
            }
            (None, None) => {
                let what = node.describe();
                let message =
                    format!("`save_output_to_file` must be true, false or the name of a file, not {what}");
                self.problems.error(codes::INVALID_SETTING, node.at, message);
                None
            }
        }
    }

    /// A name as it stands: the group is known before the step is.
    fn runner_group(&mut self, node: &Node) -> Option<String> {
        let name = self.text(chosen(node), "`custom_runner_group_name`")?;
        let name = name.trim();
        if name.contains("{{") {
            self.not_yet(node.at, "an expression as the name of a runner group");
            return None;
        }
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// Seconds, to milliseconds; nothing and zero leave the default.
    fn timeout(&mut self, node: &Node) -> Option<u64> {
        if node.is_empty() {
            return None;
        }
        let seconds = node.scalar().and_then(|scalar| scalar.text.trim().parse::<f64>().ok());
        #[allow(clippy::cast_precision_loss)] // 12 h in milliseconds is exact
        let max = (STEP_TIMEOUT_MS_MAX / 1000) as f64;
        match seconds {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and the maximum
            Some(seconds) if (0.0..=max).contains(&seconds) => {
                Some((seconds * 1000.0) as u64).filter(|millis| *millis > 0)
            }
            _ => {
                let message = format!("`timeout` must be 0 to {max} seconds, not {}", node.describe());
                self.problems.error(codes::INVALID_SETTING, node.at, message);
                None
            }
        }
    }

    /// `false` disables the step, `true` is as if it were not there; anything else is an expression.
    pub(super) fn when(&mut self, node: &Node) -> Option<PlanValue> {
        let text = self.text(node, "`when`")?;
        match text.trim().to_ascii_lowercase().as_str() {
            "true" => None,
            "false" => Some(PlanValue::Literal(Value::Bool(false))),
            _ => Some(self.operand(node)),
        }
    }
}

/// The output that stands in: a text that is JSON of a list or a map means that list or map.
fn mock_output(node: &Node) -> Value {
    let value = node.to_value();
    let json = value.as_str().map(str::trim).filter(|text| text.starts_with(['{', '[']));
    match json.map(serde_json::from_str::<serde_json::Value>) {
        Some(Ok(json)) => Value::from(&json),
        _ => value,
    }
}
