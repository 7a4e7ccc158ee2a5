//! The only way to the terminal: data to stdout, everything else to stderr.
//!
//! A stream whose reader has gone (`nictate … | head`) is silently written no more: that is no failure of
//! the command. Texts that came from elsewhere lose their control characters on the way (`text::printable`),
//! so that a step's output cannot move the cursor or change the terminal's title.

use std::cell::Cell;
use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;

use crate::args::When;
use crate::failure::Failure;
use crate::text::printable;

/// What a piece of text means; the colour follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Error,
    Warning,
    Hint,
    Success,
    /// Of less interest than what stands beside it.
    Muted,
    Heading,
}

impl Tone {
    /// The parameters of the escape sequence that begins it.
    const fn sgr(self) -> &'static str {
        match self {
            Self::Error => "1;31",
            Self::Warning => "1;33",
            Self::Hint => "1;36",
            Self::Success => "32",
            Self::Muted => "2",
            Self::Heading => "1",
        }
    }
}

/// Which of the two streams a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Data.
    Out,
    /// Everything else.
    Err,
}

/// Writes what commands have to say.
pub(crate) struct Printer {
    json: bool,
    color_out: bool,
    color_err: bool,
    closed: Cell<bool>,
}

impl Printer {
    /// A printer for this process's streams.
    pub(crate) fn new(json: bool, color: When) -> Self {
        let wanted = |is_terminal: bool| match color {
            When::Always => true,
            When::Never => false,
            When::Auto => is_terminal && !plain_terminal(),
        };
        Self {
            json,
            color_out: wanted(io::stdout().is_terminal()),
            color_err: wanted(io::stderr().is_terminal()),
            closed: Cell::new(false),
        }
    }

    /// Whether stdout carries one JSON document instead of text.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether nobody reads stdout any more: a command that would go on for long can stop.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// One line to stdout.
    pub(crate) fn line(&self, text: &str) {
        self.write(Target::Out, &format!("{text}\n"));
    }

    /// Text to stdout as it stands.
    pub(crate) fn raw(&self, text: &str) {
        self.write(Target::Out, text);
    }

    /// A text that came from elsewhere to stdout: byte for byte into a file or pipe, harmless on a terminal.
    pub(crate) fn document(&self, text: &str) {
        if !io::stdout().is_terminal() {
            return self.write(Target::Out, text);
        }
        let line_break = if text.ends_with('\n') { "" } else { "\n" };
        self.write(Target::Out, &format!("{}{line_break}", printable(text)));
    }

    /// A document to stdout.
    pub(crate) fn json(&self, value: &impl Serialize) {
        // Values that serde_json itself made, and structs of texts and numbers: they always have a form.
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        self.write(Target::Out, &format!("{text}\n"));
    }

    /// One line to stderr.
    pub(crate) fn note(&self, text: &str) {
        self.write(Target::Err, &format!("{text}\n"));
    }

    /// `warning: …` to stderr.
    pub(crate) fn warn(&self, message: &str) {
        let label = self.paint(Target::Err, Tone::Warning, "warning:");
        self.note(&format!("{label} {}", printable(message)));
    }

    /// `hint: …` to stderr.
    pub(crate) fn hint(&self, hint: &str) {
        let label = self.paint(Target::Err, Tone::Hint, "hint:");
        self.note(&format!("  {label} {}", printable(hint)));
    }

    /// [`Self::complain`]; with `--json` also the document to stdout.
    pub(crate) fn failure(&self, failure: &Failure) {
        self.complain(failure);
        if self.json {
            self.json(&failure.to_json());
        }
    }

    /// `error: …` and its hints to stderr.
    pub(crate) fn complain(&self, failure: &Failure) {
        let label = self.paint(Target::Err, Tone::Error, "error:");
        self.note(&format!("{label} {}", printable(&failure.message)));
        for detail in &failure.details {
            self.note(&format!("  {}", printable(detail)));
        }
        for hint in &failure.hints {
            self.hint(hint);
        }
    }

    /// Whether that stream has colours.
    pub(crate) fn is_colored(&self, target: Target) -> bool {
        match target {
            Target::Out => self.color_out,
            Target::Err => self.color_err,
        }
    }

    /// The text in the colour of `tone`, if that stream has colours.
    pub(crate) fn paint(&self, target: Target, tone: Tone, text: &str) -> String {
        if self.is_colored(target) {
            format!("\u{1b}[{}m{text}\u{1b}[0m", tone.sgr())
        } else {
            text.to_owned()
        }
    }

    /// Text to either stream as it stands.
    pub(crate) fn write(&self, target: Target, text: &str) {
        let written = match target {
            Target::Out if self.closed.get() => return,
            Target::Out => write_all(io::stdout().lock(), text),
            Target::Err => write_all(io::stderr().lock(), text),
        };
        if written.is_err() && target == Target::Out {
            self.closed.set(true);
        }
    }
}

fn write_all(mut stream: impl Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

/// <https://no-color.org>, and terminals that say they know nothing.
fn plain_terminal() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
