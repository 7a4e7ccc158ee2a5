//! How a program's end becomes a step's failure.

use std::time::Duration;

use sandbox::{End, Finished, Language, SandboxError};
use serde_json::{Map, Value as Json, json};

use crate::{ActionError, ErrorCode};

/// Characters of what was printed that a failure carries, from its end.
const PRINTED_CHARS_MAX: usize = 16 * 1024;
/// Characters of a message that comes from a program.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// The failure of a program that was not run, or of which nothing is known.
pub(super) fn not_run(error: &SandboxError) -> ActionError {
    let code = match error {
        SandboxError::Invalid(_) => ErrorCode::InvalidInput,
        _ => ErrorCode::SandboxUnavailable,
    };
    ActionError { retryable: error.is_retryable(), ..ActionError::new(code, error.to_string()) }
}

/// Whether the program has ended well; if not, the failure of the step, which had so much time.
pub(super) fn check(language: Language, finished: &Finished, time: Duration) -> Result<(), ActionError> {
    let (code, message) = match &finished.end {
        End::Returned | End::Exited { code: 0 } => return Ok(()),
        End::Raised { message, traceback } => {
            let place = line_of(language, traceback).map(|line| format!("line {line}: "));
            (ErrorCode::CodeFailed, format!("{}{}", place.unwrap_or_default(), cut(message)))
        }
        End::Exited { code } => {
            let stderr = String::from_utf8_lossy(&finished.stderr);
            let said = stderr.lines().rev().find(|line| !line.trim().is_empty());
            let said = said.map(|line| format!(": {}", cut(line.trim())));
            (
                ErrorCode::CodeFailed,
                format!("the code ended with exit code `{code}`{}", said.unwrap_or_default()),
            )
        }
        End::Signaled { signal } => (ErrorCode::CodeFailed, format!("signal `{signal}` ended the code")),
        End::TimedOut { .. } => {
            (ErrorCode::Timeout, format!("the code did not end within {} s", time.as_secs_f64()))
        }
        End::OutOfCpu { limit } => (
            ErrorCode::CodeCpuTimeExceeded,
            format!("the code used up its {} s of processor time", limit.as_secs_f64()),
        ),
        End::OutOfMemory { limit_bytes } => (
            ErrorCode::CodeMemoryExceeded,
            format!("the code wanted more than its {} MiB of memory", limit_bytes >> 20),
        ),
        End::TooMuchOutput { limit_bytes } => {
            (ErrorCode::CodeOutputTooLarge, format!("the code printed more than {limit_bytes} bytes"))
        }
        End::ResultTooLarge { limit_bytes } => (
            ErrorCode::CodeOutputTooLarge,
            format!("what the code returns and sets has more than {limit_bytes} bytes as JSON"),
        ),
        End::Cancelled => (ErrorCode::CodeFailed, "the code was stopped".to_owned()),
    };
    Err(ActionError::new(code, message).with_data(data(finished)))
}

/// The end of what it printed, and where it failed.
fn data(finished: &Finished) -> Json {
    let mut data = Map::new();
    for (name, bytes) in [("stdout", &finished.stdout), ("stderr", &finished.stderr)] {
        if !bytes.is_empty() {
            data.insert(name.to_owned(), tail(&String::from_utf8_lossy(bytes)).into());
        }
    }
    match &finished.end {
        End::Raised { traceback, .. } if !traceback.is_empty() => {
            data.insert("traceback".to_owned(), tail(traceback).into());
        }
        End::Exited { code } => drop(data.insert("exit_code".to_owned(), json!(code))),
        _ => {}
    }
    if data.is_empty() { Json::Null } else { Json::Object(data) }
}

/// The line of the step's code that a traceback ends in.
fn line_of(language: Language, traceback: &str) -> Option<u32> {
    let mark = match language {
        Language::Python => "File \"<step>\", line ",
        Language::JavaScript => "<input>:",
        Language::Bash => return None,
    };
    // Python tells the innermost frame last, JavaScript first.
    let at = if language == Language::Python { traceback.rfind(mark) } else { traceback.find(mark) }?;
    let place = &traceback[at + mark.len()..];
    let end = place.find(|char: char| !char.is_ascii_digit()).unwrap_or(place.len());
    place[..end].parse().ok()
}

fn cut(text: &str) -> String {
    text.chars().take(MESSAGE_CHARS_MAX).collect()
}

fn tail(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(PRINTED_CHARS_MAX);
    text.chars().skip(skipped).collect()
}
