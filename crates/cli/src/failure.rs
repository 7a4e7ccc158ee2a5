//! Why a command did not do its work: a sentence for people, hints on what to do, and the exit code.
//! `main` prints it; with `--json` it is the one document on stdout.

use serde_json::{Value, json};

use crate::exit::Exit;

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the process ends with.
    pub(crate) exit: Exit,
    /// Lower case, no full stop, names the thing and the value.
    pub(crate) message: String,
    /// More on what is wrong, a line each.
    pub(crate) details: Vec<String>,
    /// What to do about it, a line each.
    pub(crate) hints: Vec<String>,
    /// The server's whole answer, for programs.
    answer: Option<Box<Value>>,
}

/// What a command gives back.
pub(crate) type Outcome<T = Exit> = Result<T, Failure>;

impl Failure {
    /// A failure without hints.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), details: Vec::new(), hints: Vec::new(), answer: None }
    }

    /// Adds a line on what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds lines on what is wrong.
    pub(crate) fn details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// Keeps the server's answer for `--json`.
    pub(crate) fn answer(self, answer: Value) -> Self {
        Self { answer: Some(Box::new(answer)), ..self }
    }

    /// The API's code for it; empty if it is not the API's.
    pub(crate) fn identifier(&self) -> &str {
        self.answer.as_ref().and_then(|answer| answer["identifier"].as_str()).unwrap_or_default()
    }

    /// `{"error": {message, details, hints, exit_code}}`, with the server's answer if there is one.
    pub(crate) fn to_json(&self) -> Value {
        let mut error = json!({
            "message": self.message,
            "details": self.details,
            "hints": self.hints,
            "exit_code": self.exit.code(),
        });
        if let Some(answer) = &self.answer {
            error["answer"] = Value::clone(answer);
        }
        json!({ "error": error })
    }
}

/// Says what was being done when something below failed.
pub(crate) trait Context<T> {
    /// `doing` completes the sentence "cannot ...".
    fn context(self, exit: Exit, doing: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: std::error::Error> Context<T> for Result<T, E> {
    fn context(self, exit: Exit, doing: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| Failure::new(exit, format!("cannot {}: {}", doing(), chain(&error))))
    }
}

/// The error and its causes; none of them repeats another.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
