//! Problems of a workflow document the way a compiler shows them: file, line, column, the line itself with a
//! caret under the place, and the hint.

use workflow::{Diagnostic, Severity};

use crate::printer::{Printer, Target, Tone};
use crate::text::printable;

/// Characters shown of a line; a longer one is cut around the place.
const LINE_CHARS_MAX: usize = 120;
/// Characters kept before the place when a line is cut.
const LEAD_CHARS: usize = 40;

/// The problem with its excerpt, ending in an empty line.
pub(crate) fn render(
    printer: &Printer,
    target: Target,
    file: &str,
    text: &str,
    diagnostic: &Diagnostic,
) -> String {
    let tone = match diagnostic.severity {
        Severity::Error => Tone::Error,
        Severity::Warning => Tone::Warning,
    };
    let Diagnostic { severity, code, message, hint, span } = diagnostic;
    let excerpt = Excerpt::new(text, diagnostic);
    let number = span.line.to_string();
    let gutter = " ".repeat(number.len());
    let muted = |text: &str| printer.paint(target, Tone::Muted, text);
    let bar = muted("|");

    let label = printer.paint(target, tone, &format!("{severity}[{code}]:"));
    let mut shown = format!("{label} {}\n", printable(message));
    shown.push_str(&format!("{gutter}{} {}:{}:{}\n", muted("-->"), printable(file), span.line, span.column));
    shown.push_str(&format!("{gutter} {bar}\n"));
    shown.push_str(&format!("{} {bar} {}\n", muted(&number), excerpt.line));
    let caret = printer.paint(target, tone, &"^".repeat(excerpt.caret_chars));
    shown.push_str(&format!("{gutter} {bar} {}{caret}\n", " ".repeat(excerpt.indent_chars)));
    if let Some(hint) = hint {
        let label = printer.paint(target, Tone::Hint, "hint:");
        shown.push_str(&format!("{gutter} {} {label} {}\n", muted("="), printable(hint)));
    }
    shown.push('\n');
    shown
}

/// `1 error, 2 warnings`; empty if there is neither.
pub(crate) fn counted(errors: usize, warnings: usize) -> String {
    let part = |count: usize, noun: &str| match count {
        0 => None,
        1 => Some(format!("1 {noun}")),
        _ => Some(format!("{count} {noun}s")),
    };
    let parts = [part(errors, "error"), part(warnings, "warning")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The line of the place and where the caret stands under it.
struct Excerpt {
    line: String,
    indent_chars: usize,
    caret_chars: usize,
}

impl Excerpt {
    fn new(text: &str, diagnostic: &Diagnostic) -> Self {
        let span = &diagnostic.span;
        let line: Vec<char> = line_of(text, span.line as usize).chars().map(visible).collect();
        let start = (span.column as usize).saturating_sub(1).min(line.len());
        let end = if span.end_line == span.line { span.end_column as usize - 1 } else { line.len() };
        let end = end.clamp(start, line.len());

        let from = if line.len() > LINE_CHARS_MAX { start.saturating_sub(LEAD_CHARS) } else { 0 };
        let to = (from + LINE_CHARS_MAX).min(line.len());
        let (before, after) = (if from > 0 { "…" } else { "" }, if to < line.len() { "…" } else { "" });
        let middle: String = line.get(from..to).unwrap_or_default().iter().collect();
        Self {
            line: format!("{before}{middle}{after}"),
            indent_chars: start - from + before.chars().count(),
            caret_chars: end.min(to).saturating_sub(start).max(1),
        }
    }
}

/// A line by its number from 1, without its line break; lines end as in YAML.
fn line_of(text: &str, number: usize) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rest = text;
    for _ in 1..number {
        let Some(at) = rest.find(['\n', '\r']) else { return "" };
        let length = if rest[at..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[at + length..];
    }
    rest.split(['\n', '\r']).next().unwrap_or_default()
}

/// One column for each character, whatever it is, so that the caret stands where it should.
fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use workflow::Span;

    use super::*;
    use crate::args::When;

    fn check(text: &str, place: (u32, u32, u32, u32), expected: &str) {
        let (line, column, end_line, end_column) = place;
        let diagnostic = Diagnostic {
            severity: Severity::Error,
            code: "unknown_action",
            message: "there is no action `x`".to_owned(),
            hint: Some("did you mean `y`?".to_owned()),
            span: Span { line, column, end_line, end_column },
        };
        let printer = Printer::new(false, When::Never);
        let shown = render(&printer, Target::Out, "a.yaml", text, &diagnostic);
        assert_eq!(shown.trim_end(), expected.trim_matches('\n'));
    }

    #[test]
    fn the_caret_stands_under_the_place() {
        check(
            "name: a\r\n\taction: xé # \u{1b}\r\n",
            (2, 10, 2, 12),
            "
error[unknown_action]: there is no action `x`
 --> a.yaml:2:10
  |
2 |  action: xé # \u{fffd}
  |          ^^
  = hint: did you mean `y`?",
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let excerpt = |place: (u32, u32)| {
            let span = Span { line: 1, column: place.0, end_line: 1, end_column: place.1 };
            let severity = Severity::Error;
            let diagnostic = Diagnostic { severity, code: "x", message: String::new(), hint: None, span };
            Excerpt::new(&"x".repeat(1_000), &diagnostic)
        };
        let middle = excerpt((500, 1_001));
        assert_eq!(middle.line.chars().count(), LINE_CHARS_MAX + 2);
        assert_eq!((middle.indent_chars, middle.caret_chars), (41, 80));
        assert_eq!(excerpt((1, 2)).indent_chars, 0);
    }

    #[test]
    fn a_place_outside_the_text_is_shown_all_the_same() {
        check(
            "",
            (7, 3, 7, 3),
            "
error[unknown_action]: there is no action `x`
 --> a.yaml:7:3
  |
7 | 
  | ^
  = hint: did you mean `y`?",
        );
    }
}
