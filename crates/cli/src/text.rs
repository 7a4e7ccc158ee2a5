//! How values look on a terminal: one line, no control characters, times in UTC, durations in few digits.

use std::borrow::Cow;

use serde_json::Value;

/// Characters of a value in a line of steps or a cell of a table; the rest becomes an ellipsis.
pub(crate) const EXCERPT_CHARS_MAX: usize = 100;

/// The text without control characters: an escape sequence in somebody's data must not reach the terminal.
/// Line breaks and tabs stay.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| !c.is_control() || c == '\n' || c == '\t';
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if harmless(c) { c } else { '\u{fffd}' }).collect())
}

/// The text as one line of at most `chars_max` characters.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let mut line = String::new();
    let mut chars = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
            chars += 1;
        }
        for c in word.chars() {
            if chars + 1 >= chars_max {
                line.push('…');
                return line;
            }
            line.push(c);
            chars += 1;
        }
    }
    line
}

/// A JSON value in one line: text as it is, nothing for null, structures as JSON.
pub(crate) fn value_line(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => one_line(text, EXCERPT_CHARS_MAX),
        other => one_line(&other.to_string(), EXCERPT_CHARS_MAX),
    }
}

/// `2026-02-03 04:05:06Z`; a dash for 0, which the API answers for what has not happened.
pub(crate) fn instant(millis: i64) -> String {
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(instant) if millis != 0 => instant.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        _ => "-".to_owned(),
    }
}

/// `12 ms`, `3.4 s`, `2 m 5 s`, `1 h 2 m`.
pub(crate) fn duration(millis: i64) -> String {
    let millis = millis.max(0);
    let (seconds, minutes, hours) = (millis / 1000, millis / 60_000, millis / 3_600_000);
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{seconds}.{} s", millis % 1000 / 100),
        60_000..3_600_000 => format!("{minutes} m {} s", seconds % 60),
        _ => format!("{hours} h {} m", minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_do_not_get_through() {
        assert_eq!(printable("a\u{1b}[2Jb\u{9b}1m\tc\n"), "a\u{fffd}[2Jb\u{fffd}1m\tc\n");
        assert!(matches!(printable("plain"), Cow::Borrowed(_)));
        assert_eq!(one_line("a\u{1b}[31m\r\n  b", 80), "a [31m b");
    }

    #[test]
    fn a_long_line_ends_in_an_ellipsis() {
        assert_eq!(one_line("äbc def", 5), "äbc …");
        assert_eq!(one_line("äbc", 5), "äbc");
        assert_eq!(one_line("", 5), "");
    }

    #[test]
    fn durations_and_instants_read_well() {
        let shown: Vec<String> = [-1, 999, 1234, 125_000, 3_720_000].map(duration).to_vec();
        assert_eq!(shown, ["0 ms", "999 ms", "1.2 s", "2 m 5 s", "1 h 2 m"]);
        assert_eq!(instant(0), "-");
        assert_eq!(instant(1_770_091_506_000), "2026-02-03 04:05:06Z");
    }
}
