//! Outputs that are kept as files: the run itself goes on with what tells where the file is.

use expr::Value;
use serde_json::{Value as Json, json};
use types::FileId;
use workflow::file_name_problem;
use workflow::plan::{PlanStep, SaveOutput};

use crate::codes;
use crate::command::SaveFile;
use crate::entry::StepError;
use crate::evaluate::{excerpt, settled};
use crate::execution::{Execution, hex};
use crate::outcome::Outcome;
use crate::strand::At;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

impl Execution {
    /// Puts a file in the place of the output. The step has failed if the file cannot be called what it is to be
    /// called: its output stays then.
    pub(crate) fn save_output(
        &self,
        save: &SaveOutput,
        outcome: &mut Outcome,
        (step, path): (&PlanStep, &str),
        at: At,
    ) -> Option<Box<SaveFile>> {
        let output = settled(std::mem::replace(&mut outcome.output, Value::Nil));
        let content = output.to_json();
        let (content_type, extension) = if content.is_string() { (TEXT, "txt") } else { (JSON, "json") };
        let name = match save {
            SaveOutput::ByStep => Ok(format!("{}.{extension}", step.id)),
            SaveOutput::Named(name) => self.evaluate(name, at).and_then(|name| checked_name(&name)),
        };
        let name = match name {
            Ok(name) => name,
            Err(error) => {
                *outcome = Outcome { output, ..Outcome::failed(error) };
                return None;
            }
        };
        let json = content.to_string();
        let size_bytes = match &content {
            Json::String(text) => text.len(),
            _ => json.len(),
        };
        // The run's own, since another has another seed, and the step's, which ends well only once whatever attempts it takes.
        let id = FileId::of_name(&format!("file/{}/{path}", hex(&self.seed)));
        let file = json!({
            "id": id.to_string(), "name": name, "content_type": content_type, "size_bytes": size_bytes,
        });
        outcome.output = Value::from(json!({"file": file}));
        outcome.file_bytes = json.len();
        let path = path.to_owned();
        Some(Box::new(SaveFile { id, path, name, content_type, size_bytes, json, at: at.now }))
    }
}

fn checked_name(name: &Value) -> Result<String, StepError> {
    let error = |message: String| StepError::new(codes::FILE_NAME_ERROR, message);
    let json = name.to_json();
    let Some(text) = json.as_str() else {
        return Err(error(format!(
            "`save_output_to_file` must give a text, not `{}`",
            excerpt(&json.to_string())
        )));
    };
    match file_name_problem(text) {
        Some(problem) => {
            Err(error(format!("the file name `{}` {problem}", excerpt(&text.escape_debug().to_string()))))
        }
        None => Ok(text.to_owned()),
    }
}
