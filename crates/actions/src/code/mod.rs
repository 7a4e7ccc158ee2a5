//! Code of steps: what the actions that run some have in common. The walls around it are the sandbox's; what a step's
//! code sees of its run, and what becomes of what it prints and returns, is decided here.

mod egress;
mod end;
mod host;
mod printed;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sandbox::{Finished, Language, Limits, Network, Program};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use types::limits::{CODE_VARIABLE_NAME_BYTES_MAX, CODE_VARIABLES_MAX};

pub use host::{CODE_MEMORY_BYTES_DEFAULT, CodeHost, CodeSettings};

use crate::{ActionContext, ActionError, ErrorCode, InputType, Parameter};
use egress::GuardedEgress;

/// The input that opens the network.
const NETWORK: &str = "network";

/// A program of a step.
pub(crate) struct Script<'a> {
    pub(crate) language: Language,
    pub(crate) code: &'a str,
    /// One JSON document for the prelude; nothing for languages without one.
    pub(crate) document: String,
}

/// What a program has left.
pub(crate) struct Done {
    /// What it returned, if that is anything.
    pub(crate) returned: Option<Json>,
    /// What it printed on standard output.
    pub(crate) stdout: String,
}

/// The document that a prelude returns.
#[derive(Default, Deserialize)]
struct Returned {
    returned: Option<Json>,
    #[serde(default)]
    variables: BTreeMap<String, Json>,
}

/// Runs a program to its end. What it prints goes to the step's log line by line, the variables that it changes to the
/// run.
pub(crate) async fn run(cx: &ActionContext<'_>, script: Script<'_>) -> Result<Done, ActionError> {
    let host = cx.code;
    let network = match opens_network(cx.inputs)? {
        false => Network::Closed,
        true if host.allows_network() => Network::Guarded(Arc::new(GuardedEgress(cx.http.clone()))),
        true => {
            let message = "input `network` is `true`, but the runner's operator lets no code step out";
            return Err(ActionError::new(ErrorCode::InvalidInput, message));
        }
    };
    let began = Instant::now();
    let sandbox = host.sandbox().await?;
    // The start of the sandbox, which the first step waits for, is part of its time.
    let time = cx.timeout.saturating_sub(began.elapsed()).clamp(Limits::LEAST.wall, Limits::MOST.wall);
    let program = Program {
        context: script.document.into_bytes(),
        network,
        packages: cx.packages.filter(|_| script.language == Language::Python).map(Path::to_owned),
        limits: Limits { wall: time, cpu: time, memory_bytes: host.memory_bytes(), ..Limits::default() },
        ..Program::new(script.language, script.code)
    };
    let on_line = |_, line: &str| cx.sink.log(line);
    // Whoever stops the attempt drops this future, and the program with it.
    let never = CancellationToken::new();
    let finished = sandbox.run(program, &on_line, &never).await.map_err(|error| end::not_run(&error))?;
    end::check(script.language, &finished, cx.timeout)?;
    let stdout = String::from_utf8_lossy(&finished.stdout).into_owned();
    let returned = read_result(&finished)?;
    set_variables(cx, returned.variables)?;
    Ok(Done { returned: returned.returned, stdout })
}

fn read_result(finished: &Finished) -> Result<Returned, ActionError> {
    let Some(result) = &finished.result else { return Ok(Returned::default()) };
    serde_json::from_slice(result).map_err(|error| {
        // The program has the prelude in its hands; or its values are nested deeper than JSON is read.
        let message = format!("what the code returned cannot be read: {error}");
        ActionError::new(ErrorCode::CodeFailed, message)
    })
}

fn set_variables(cx: &ActionContext<'_>, variables: BTreeMap<String, Json>) -> Result<(), ActionError> {
    let refuse = |message: String| Err(ActionError::new(ErrorCode::CodeFailed, message));
    if variables.len() > CODE_VARIABLES_MAX {
        return refuse(format!("the code sets {} variables, at most {CODE_VARIABLES_MAX}", variables.len()));
    }
    for name in variables.keys() {
        if name.is_empty() || name.len() > CODE_VARIABLE_NAME_BYTES_MAX {
            let shown: String = name.chars().take(40).collect();
            return refuse(format!(
                "`{shown}` is no name for a variable: it has {} bytes, not 1 to {CODE_VARIABLE_NAME_BYTES_MAX}",
                name.len()
            ));
        }
    }
    for (name, value) in variables {
        cx.sink.set_variable(name, value);
    }
    Ok(())
}

/// The output of a step whose code may return something: that, else what it printed.
pub(crate) fn output(done: Done) -> Json {
    done.returned.unwrap_or_else(|| printed::value(&done.stdout))
}

/// The text of the input `name`.
pub(crate) fn text<'a>(inputs: &'a Map<String, Json>, name: &str) -> Result<&'a str, ActionError> {
    match inputs.get(name) {
        Some(Json::String(text)) => Ok(text),
        None | Some(Json::Null) => {
            Err(ActionError::new(ErrorCode::InvalidInput, format!("input `{name}` is missing")))
        }
        Some(other) => {
            let message = format!("input `{name}` must be a text, not `{}`", brief(other));
            Err(ActionError::new(ErrorCode::InvalidInput, message))
        }
    }
}

fn brief(value: &Json) -> String {
    const CHARS_MAX: usize = 60;
    value.to_string().chars().take(CHARS_MAX).collect()
}

/// Whether these inputs ask for the network.
///
/// # Errors
/// `invalid_input` if the input is neither true nor false.
pub(crate) fn opens_network(inputs: &Map<String, Json>) -> Result<bool, ActionError> {
    flag(inputs, NETWORK)
}

/// The input `name`, false if it is not given. Other words than true and false are refused: what opens a network must be
/// said plainly.
pub(crate) fn flag(inputs: &Map<String, Json>, name: &str) -> Result<bool, ActionError> {
    let given = match inputs.get(name) {
        None | Some(Json::Null) => return Ok(false),
        Some(Json::Bool(flag)) => return Ok(*flag),
        Some(given) => given,
    };
    match given.as_str().map(|text| text.trim().to_ascii_lowercase()).as_deref() {
        Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        _ => {
            let message = format!("input `{name}` must be true or false, not `{}`", brief(given));
            Err(ActionError::new(ErrorCode::InvalidInput, message))
        }
    }
}

/// The input that [`opens_network`] reads.
pub(crate) fn network_parameter() -> Parameter {
    let description = "Lets the code reach the Internet, through an HTTP proxy that keeps it from private networks. A \
                       step with it is not repeated unasked when its runner is lost.";
    Parameter::new(NETWORK, "Network access", InputType::Checkbox, description).default(false)
}
