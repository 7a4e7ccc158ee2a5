//! Regular expressions of a query, with the flags of jq.

use jaq_core::{Cv, ValR};
use regex::{Captures, Regex, RegexBuilder};

use super::limits;
use super::program::Query;
use super::value::{Error, Val};

/// Bytes of a compiled regular expression.
const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// What is asked for: what is between the matches, the matches, or both in turn.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) between: bool,
    pub(super) matches: bool,
}

/// The parts of the text by a pattern and flags, which are the filter's arguments.
pub(super) fn parts(mut cv: Cv<'_, Query>, wanted: Wanted) -> ValR<Val> {
    let (flags, pattern) = (cv.0.pop_var(), cv.0.pop_var());
    let flags = match &flags {
        Val::Null => "",
        flags => flags.as_str().ok_or_else(|| Error::typ(flags.clone(), "flags of a regular expression"))?,
    };
    let text = cv.1.as_str().ok_or_else(|| Error::typ(cv.1.clone(), "string"))?;
    let pattern = pattern.as_str().ok_or_else(|| Error::typ(pattern.clone(), "regular expression"))?;
    let regex = limits::pattern(pattern, flags, || compile(pattern, flags))?;
    limits::text_work(text.len().saturating_mul(8));

    let mut found = Val::list();
    let (mut last, mut cursor) = (0, Cursor::default());
    for captures in regex.captures_iter(text) {
        limits::steps(1);
        let Some(whole) = captures.get(0) else { continue };
        if flags.contains('n') && whole.is_empty() {
            continue;
        }
        if wanted.between {
            found.push(Val::text(text.get(last..whole.start()).unwrap_or_default()));
            last = whole.end();
        }
        if wanted.matches {
            found.push(groups(&regex, &captures, text, cursor.characters(text, whole.start()))?);
        }
        if !flags.contains('g') {
            break;
        }
    }
    if wanted.between {
        found.push(Val::text(text.get(last..).unwrap_or_default()));
    }
    Ok(Val::Arr(found.into()))
}

fn compile(pattern: &str, flags: &str) -> Result<Regex, Error> {
    if let Some(flag) = flags.chars().find(|flag| !"gnimslxp".contains(*flag)) {
        return Err(Error::str(format!("`{flag}` is no flag of a regular expression")));
    }
    let is_set = |flag: char| flags.contains(flag);
    let built = RegexBuilder::new(pattern)
        .case_insensitive(is_set('i'))
        .multi_line(is_set('m') || is_set('p'))
        .dot_matches_new_line(is_set('s') || is_set('p'))
        .ignore_whitespace(is_set('x'))
        .size_limit(REGEX_BYTES_MAX)
        .build();
    built.map_err(|error| {
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        Error::str(format!("`{pattern}` is no regular expression: {why}"))
    })
}

/// The match and its groups; `start` is the character with which it begins.
fn groups(regex: &Regex, captures: &Captures<'_>, text: &str, start: usize) -> ValR<Val> {
    let first = captures.get(0).map_or(0, |whole| whole.start());
    let mut list = Val::list();
    for (group, name) in captures.iter().zip(regex.capture_names()) {
        let mut map = Val::object();
        match group {
            Some(group) => {
                let before = text.get(first..group.start()).unwrap_or_default();
                map.insert("offset", Val::from(start + before.chars().count()));
                map.insert("length", Val::from(group.as_str().chars().count()));
                map.insert("string", Val::text(group.as_str()));
            }
            None => {
                map.insert("offset", Val::from(-1_isize));
                map.insert("length", Val::from(0_usize));
                map.insert("string", Val::Null);
            }
        }
        if let Some(name) = name {
            map.insert("name", Val::text(name));
        }
        list.push(Val::Obj(map.into()));
    }
    Ok(Val::Arr(list.into()))
}

/// Counts the characters of a text once, from its beginning to its end.
#[derive(Default)]
struct Cursor {
    byte: usize,
    count: usize,
}

impl Cursor {
    /// How many characters come before that byte, which is never before the last one asked for.
    fn characters(&mut self, text: &str, byte: usize) -> usize {
        self.count += text.get(self.byte..byte).unwrap_or_default().chars().count();
        self.byte = byte;
        self.count
    }
}
