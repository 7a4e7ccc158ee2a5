//! `--input` flags to the JSON object of a run's inputs.

use serde_json::{Map, Value};

use crate::args::{Assignment, Source};
use crate::exit::Exit;
use crate::failure::{Context as _, Failure, Outcome};

/// The inputs by name; a file's text is the value as it stands.
///
/// # Errors
/// A file that cannot be read or is no text, a name given twice.
pub(crate) fn read_inputs(assignments: &[Assignment]) -> Outcome<Map<String, Value>> {
    let mut inputs = Map::new();
    for assignment in assignments {
        let name = &assignment.name;
        let value = match &assignment.source {
            Source::Text(text) => Value::String(text.clone()),
            Source::Json(value) => value.clone(),
            Source::File(path) => {
                let reading = || format!("read `{}` for the input `{name}`", path.display());
                Value::String(std::fs::read_to_string(path).context(Exit::Invalid, reading)?)
            }
            // `Assignment::input` makes none of these: there `-` is text.
            Source::Stdin => Value::String("-".to_owned()),
        };
        if inputs.insert(name.clone(), value).is_some() {
            return Err(Failure::new(Exit::Usage, format!("the input `{name}` is given twice")));
        }
    }
    Ok(inputs)
}
