//! From the API's error body (`{data, details, identifier, message, status, user_error}`) to what a person
//! reads and the exit code. Tolerant: a proxy's HTML page or an empty body must not hide the status.

use serde_json::Value;

use crate::exit::Exit;
use crate::failure::{Failure, chain};
use crate::text::one_line;

/// Lines made of `user_error`; a document may have hundreds of problems.
const LINES_MAX: usize = 50;
/// Characters shown of a body that is not the API's.
const FOREIGN_BODY_CHARS: usize = 200;

/// No answer came.
pub(super) fn unreachable(address: &str, error: &reqwest::Error) -> Failure {
    let why = if error.is_timeout() { "no answer in time".to_owned() } else { innermost(error) };
    Failure::new(Exit::Unreachable, format!("cannot reach the server at `{address}`: {why}"))
        .hint("is it running? `nictate serve` starts one; --url or NICTATE_URL names another")
}

/// The last cause is the one that says something: "connection refused".
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    chain(cause)
}

/// The server answered, and it is no.
pub(super) fn refused(status: u16, body: &[u8], address: &str) -> Failure {
    let Some(answer) = error_wrapper(body) else { return foreign(status, body, address) };
    let text = |name: &str| answer[name].as_str().unwrap_or_default();
    let identifier = text("identifier");
    let message = match text("message") {
        "" => format!("the server answered {status} {identifier}"),
        message => message.to_owned(),
    };
    let mut details = Vec::new();
    details.extend(Some(text("details")).filter(|details| !details.is_empty()).map(str::to_owned));
    describe_members(&answer["user_error"], &mut details);
    describe_members(&answer["data"], &mut details);
    details.retain(|detail| !is_said_in(detail, &message));
    Failure::new(exit_of(status, identifier), message).details(details).answer(answer)
}

/// Whether a message that sums up its details has this one, by what follows the name.
fn is_said_in(detail: &str, message: &str) -> bool {
    let (_, problem) = detail.split_once(": ").unwrap_or(("", detail));
    message.contains(problem)
}

fn error_wrapper(body: &[u8]) -> Option<Value> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    answer["message"].is_string().then_some(answer)
}

fn foreign(status: u16, body: &[u8], address: &str) -> Failure {
    let body = one_line(&String::from_utf8_lossy(body), FOREIGN_BODY_CHARS);
    let said = if body.is_empty() { String::new() } else { format!(": {body}") };
    let exit = if matches!(status, 401 | 403) { Exit::Denied } else { Exit::Failed };
    let failure = Failure::new(exit, format!("`{address}` answered {status}{said}"));
    failure.hint("that is not how Nictate answers; is the address right, or is there a proxy in between?")
}

/// The exit code of an error answer. The identifier decides where one status means several things.
fn exit_of(status: u16, identifier: &str) -> Exit {
    match (status, identifier) {
        (401 | 403, _) => Exit::Denied,
        (404, _) => Exit::NotFound,
        (_, "execution_failed" | "execution_still_running") => Exit::RunIncomplete,
        (400 | 422, _) if identifier.ends_with("_invalid") || identifier.ends_with("_name_taken") => {
            Exit::Invalid
        }
        (413, _) => Exit::Invalid,
        _ => Exit::Failed,
    }
}

/// One line for each problem that `user_error` or `data` lists, whatever shape the list has.
fn describe_members(members: &Value, lines: &mut Vec<String>) {
    for (name, member) in members.as_object().into_iter().flatten() {
        describe(name, member, lines);
    }
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("and {more} more"));
    }
}

fn describe(name: &str, member: &Value, lines: &mut Vec<String>) {
    match member {
        Value::Null => {}
        // `fields: {token: "is required"}`
        Value::Object(entries) => {
            for (entry, problem) in entries {
                lines.push(format!("{entry}: {}", sentence(problem)));
            }
        }
        // `workflows: ["a", "b"]` reads best as one line, lists of problems as one line each.
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            lines.push(format!("{name}: {}", items.join(", ")));
        }
        Value::Array(items) => lines.extend(items.iter().map(sentence)),
        scalar => lines.push(format!("{name}: {}", sentence(scalar))),
    }
}

/// `12:3: message (hint)` of a diagnostic, `name: message` of a field's problem.
fn sentence(problem: &Value) -> String {
    let Some(message) = problem["message"].as_str() else {
        return problem.as_str().map_or_else(|| problem.to_string(), str::to_owned);
    };
    let place = |of: &Value| Some(format!("{}:{}: ", of["line"].as_u64()?, of["column"].as_u64()?));
    let name = || {
        let names = ["field", "name", "input", "attribute"];
        names.iter().find_map(|name| problem[*name].as_str()).map(|name| format!("{name}: "))
    };
    let lead = place(&problem["span"]).or_else(|| place(problem)).or_else(name).unwrap_or_default();
    let hint = problem["hint"].as_str().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{lead}{message}{hint}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_problem_becomes_a_line() {
        let body = json!({
            "message": "the workflow cannot be saved", "identifier": "workflow_invalid", "status": 400, "details": "",
            "data": {"workflows": ["a", "b"], "execution_id": "x"},
            "user_error": {
                "diagnostics": [{"message": "unknown action `x`", "hint": "did you mean `y`?", "span": {"line": 3, "column": 9}}],
                "fields": {"token": "is required"},
                "inputs": [{"name": "age", "message": "must be a number"}],
            },
        });
        let failure = refused(400, body.to_string().as_bytes(), "http://h");
        assert_eq!(failure.exit, Exit::Invalid);
        assert_eq!(failure.message, "the workflow cannot be saved");
        assert_eq!(
            failure.details,
            [
                "3:9: unknown action `x` (did you mean `y`?)",
                "token: is required",
                "age: must be a number",
                "workflows: a, b",
                "execution_id: x",
            ]
        );
    }

    #[test]
    fn a_foreign_answer_keeps_its_status() {
        let failure = refused(502, b"<html>\nBad\tGateway</html>", "http://h");
        assert_eq!(failure.message, "`http://h` answered 502: <html> Bad Gateway</html>");
        assert_eq!(failure.exit, Exit::Failed);
        assert_eq!(refused(401, b"", "http://h").message, "`http://h` answered 401");
    }

    #[test]
    fn the_exit_code_follows_status_and_identifier() {
        for (status, identifier, exit) in [
            (401, "unauthenticated", Exit::Denied),
            (403, "forbidden", Exit::Denied),
            (404, "connection_not_found", Exit::NotFound),
            (400, "connection_invalid", Exit::Invalid),
            (400, "connection_name_taken", Exit::Invalid),
            (400, "connection_in_use", Exit::Failed),
            (400, "execution_failed", Exit::RunIncomplete),
            (408, "execution_still_running", Exit::RunIncomplete),
            (500, "internal", Exit::Failed),
        ] {
            assert_eq!(exit_of(status, identifier), exit, "{status} {identifier}");
        }
    }
}
