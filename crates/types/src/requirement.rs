//! A Python package that code needs, as workflows name it and as locks pin it: the plain part of PEP 508, a name with
//! extras, versions and a marker. What fetches from elsewhere or steers the installer cannot be said in it.

mod marker;
mod scan;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::limits::REQUIREMENT_BYTES_MAX;
use scan::Scan;

/// Comparisons of versions, longest first.
const OPERATORS: [&str; 8] = ["===", "~=", "==", "!=", "<=", ">=", "<", ">"];

/// A package by its name, with what narrows it. Two texts that mean the same have one form: [`fmt::Display`] gives it, and
/// reading that gives the same again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    name: String,
    extras: Vec<String>,
    versions: Vec<Version>,
    marker: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Version {
    operator: &'static str,
    text: String,
}

/// Why a text is no requirement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RequirementError {
    /// What is wrong, for people.
    pub message: String,
    /// The bytes of the text that are wrong.
    pub range: Range<usize>,
}

impl Requirement {
    /// Reads a text of any length; locks carry longer markers than people write.
    pub fn parse(text: &str) -> Result<Self, RequirementError> {
        foreign(text)?;
        let mut scan = Scan::new(text);
        let name = scan.word(is_name_part).filter(|name| is_name(name));
        let Some(name) = name.map(normal) else {
            return Err(scan.error_before("does not begin with a name"));
        };
        let extras = if scan.take("[") { extras(&mut scan)? } else { Vec::new() };
        if scan.take("@") {
            return Err(scan.error_before("names an address; packages come from the index alone"));
        }
        let in_parentheses = scan.take("(");
        let versions = versions(&mut scan)?;
        if in_parentheses && (versions.is_empty() || !scan.take(")")) {
            return Err(scan.error("has a parenthesis that is not closed, or nothing in it"));
        }
        let marker = if scan.take(";") { Some(marker::read(&mut scan)?) } else { None };
        if !scan.at_end() {
            return Err(scan.error("goes on after what can be read"));
        }
        Ok(Self { name, extras, versions, marker })
    }

    /// The package's name in its one form: lower case, with `-` between words.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The exact version, if it is `==` one and nothing else.
    pub fn pinned(&self) -> Option<&str> {
        match self.versions.as_slice() {
            [Version { operator: "==", text }] if !text.ends_with(".*") => Some(text),
            _ => None,
        }
    }
}

/// At most [`REQUIREMENT_BYTES_MAX`] bytes, as workflows may write it.
impl FromStr for Requirement {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        let bytes = text.len();
        if bytes > REQUIREMENT_BYTES_MAX {
            let message = format!("has `{bytes}` bytes, more than `{REQUIREMENT_BYTES_MAX}`");
            return Err(RequirementError { message, range: 0..bytes });
        }
        Self::parse(text)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        if !self.extras.is_empty() {
            write!(formatter, "[{}]", self.extras.join(","))?;
        }
        for (index, Version { operator, text }) in self.versions.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(formatter, "{comma}{operator}{text}")?;
        }
        match &self.marker {
            Some(marker) => write!(formatter, " ; {marker}"),
            None => Ok(()),
        }
    }
}

/// Says what a text is that other tools read as a requirement and that is refused here.
fn foreign(text: &str) -> Result<(), RequirementError> {
    // What stands in quotes of a marker is compared, not followed.
    let head = text.split(';').next().unwrap_or_default();
    let found = |message: &str, at: usize, length: usize| {
        Err(RequirementError { message: message.to_owned(), range: at..at + length })
    };
    let begin = text.len() - text.trim_start().len();
    if text.trim().is_empty() {
        return found("is empty", 0, text.len());
    }
    if let Some(at) = text.find(|c: char| c.is_control() && c != '\t') {
        return found("holds a control character", at, 1);
    }
    if head.trim_start().starts_with('-') {
        return found("is an option of an installer; only packages are named", begin, head.trim().len());
    }
    if let Some(at) = text.find("{{") {
        return found("holds an expression; packages are known before a run", at, 2);
    }
    if let Some(at) = text.find('$') {
        return found("names a variable of the environment; it must stand as it is", at, 1);
    }
    if let Some(at) = head.find("://") {
        return found("names an address; packages come from the index alone", at, 3);
    }
    let is_path = |c: char| matches!(c, '/' | '\\' | '%');
    if head.trim_start().starts_with(['.', '~']) || head.contains(is_path) {
        let at = head.find(is_path).unwrap_or(begin);
        return found("names a file or an address; packages come from the index alone", at, 1);
    }
    Ok(())
}

fn extras(scan: &mut Scan<'_>) -> Result<Vec<String>, RequirementError> {
    let mut extras = Vec::new();
    if scan.take("]") {
        return Ok(extras);
    }
    loop {
        match scan.word(is_name_part).filter(|name| is_name(name)) {
            Some(extra) => extras.push(normal(extra)),
            None => return Err(scan.error("has an extra without a name")),
        }
        if scan.take("]") {
            break;
        }
        if !scan.take(",") {
            return Err(scan.error("has extras that are not closed with `]`"));
        }
    }
    extras.sort();
    extras.dedup();
    Ok(extras)
}

fn versions(scan: &mut Scan<'_>) -> Result<Vec<Version>, RequirementError> {
    let mut versions = Vec::new();
    while let Some(operator) = OPERATORS.into_iter().find(|operator| scan.take(operator)) {
        let Some(text) = scan.word(is_version_part).filter(|text| is_version(operator, text)) else {
            return Err(scan.error(&format!("has no version after `{operator}`")));
        };
        versions.push(Version { operator, text: text.to_owned() });
        if !scan.take(",") {
            break;
        }
        if !OPERATORS.iter().any(|operator| scan.sees(operator)) {
            return Err(scan.error("has nothing after a comma"));
        }
    }
    Ok(versions)
}

/// A version to compare with; a `*` stands for the rest, and only where that is asked.
fn is_version(operator: &str, text: &str) -> bool {
    let plain = match operator {
        "==" | "!=" => text.strip_suffix(".*").unwrap_or(text),
        _ => text,
    };
    plain.starts_with(|c: char| c.is_ascii_digit() || c == 'v') && !plain.contains('*')
}

fn is_version_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '*' | '+' | '!' | '_' | '-')
}

fn is_name_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn is_name(name: &str) -> bool {
    let fine = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    fine(name.chars().next()) && fine(name.chars().next_back())
}

/// Lower case, each run of `-`, `_` and `.` as one `-`.
fn normal(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests;
