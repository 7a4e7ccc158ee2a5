//! Values that do not stand on the command line: from a file, from a pipe, or asked for without echo.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use types::limits::CONNECTION_ATTRIBUTE_BYTES_MAX;

use crate::exit::Exit;
use crate::failure::{Context as _, Failure, Outcome};
use crate::printer::{Printer, Target};

/// The file's text without the line break at its end.
pub(super) fn read_file(path: &Path) -> Outcome<String> {
    let file = std::fs::File::open(path).context(Exit::Invalid, || format!("read `{}`", path.display()))?;
    read_value(file, &format!("`{}`", path.display()))
}

/// What is asked for on a terminal, else all of stdin, which only one of `readers` attributes can have.
pub(in crate::commands) fn read_stdin(name: &str, readers: usize, printer: &Printer) -> Outcome<String> {
    if io::stdin().is_terminal() {
        return ask(name, printer);
    }
    if readers > 1 {
        return Err(Failure::new(
            Exit::Usage,
            "only one attribute can be read from stdin when it is no terminal",
        )
        .hint("`name=@FILE` reads the others from files"));
    }
    read_value(io::stdin().lock(), "stdin")
}

fn read_value(source: impl io::Read, what: &str) -> Outcome<String> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells too long from just long enough; a line break may come on top.
    let most = CONNECTION_ATTRIBUTE_BYTES_MAX + 3;
    source.take(most as u64).read_to_end(&mut bytes).context(Exit::Invalid, || format!("read {what}"))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::new(Exit::Invalid, format!("{what} holds bytes that are no text in UTF-8")))?;
    let text = without_line_break(&text);
    if text.len() > CONNECTION_ATTRIBUTE_BYTES_MAX {
        let message =
            format!("{what} has more than the {CONNECTION_ATTRIBUTE_BYTES_MAX} bytes of an attribute");
        return Err(Failure::new(Exit::Invalid, message));
    }
    Ok(text.to_owned())
}

fn ask(name: &str, printer: &Printer) -> Outcome<String> {
    printer.write(Target::Err, &format!("{name}: "));
    let mut line = String::new();
    let read = {
        let _silent = Silence::begin();
        io::stdin().lock().read_line(&mut line)
    };
    // The person's own line break was not echoed either.
    printer.note("");
    read.context(Exit::Failed, || "read from the terminal".to_owned())?;
    Ok(without_line_break(&line).to_owned())
}

fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// While it lives the terminal shows nothing of what is typed.
struct Silence(Option<Termios>);

impl Silence {
    /// On a terminal that cannot be silenced the value is asked for all the same.
    fn begin() -> Self {
        let Ok(before) = tcgetattr(io::stdin()) else { return Self(None) };
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        let done = tcsetattr(io::stdin(), OptionalActions::Flush, &silent);
        Self(done.is_ok().then_some(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // Nothing can be done about a terminal that is gone.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_at_the_end_is_left_out() {
        for (text, value) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("", "")] {
            assert_eq!(read_value(text.as_bytes(), "stdin").unwrap(), value);
        }
    }

    #[test]
    fn what_is_too_long_or_no_text_is_refused() {
        let longest = "x".repeat(CONNECTION_ATTRIBUTE_BYTES_MAX);
        assert!(read_value(format!("{longest}\r\n").as_bytes(), "stdin").is_ok());
        assert!(read_value(format!("{longest}x").as_bytes(), "stdin").is_err());
        assert!(read_value(&b"\xff"[..], "stdin").is_err());
    }
}
