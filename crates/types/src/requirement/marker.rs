//! The marker of a requirement: for which interpreters and machines it is, read into its one form.

use super::RequirementError;
use super::scan::Scan;

/// What markers may ask about.
const VARIABLES: [&str; 11] = [
    "python_version",
    "python_full_version",
    "os_name",
    "sys_platform",
    "platform_release",
    "platform_system",
    "platform_version",
    "platform_machine",
    "platform_python_implementation",
    "implementation_name",
    "implementation_version",
];

/// Longest first.
const OPERATORS: [&str; 8] = ["===", "~=", "==", "!=", "<=", ">=", "<", ">"];
/// Levels of parentheses.
const DEPTH_MAX: usize = 16;

/// Reads a marker to its end.
pub(super) fn read(scan: &mut Scan<'_>) -> Result<String, RequirementError> {
    any(scan, 0)
}

/// Comparisons with `and` and `or` between them.
fn any(scan: &mut Scan<'_>, depth: usize) -> Result<String, RequirementError> {
    let mut marker = one(scan, depth)?;
    loop {
        match scan.word(is_letter) {
            Some(word @ ("and" | "or")) => marker = format!("{marker} {word} {}", one(scan, depth)?),
            Some(_) => return Err(scan.error_before("has a marker with a word other than `and` and `or`")),
            None => return Ok(marker),
        }
    }
}

fn one(scan: &mut Scan<'_>, depth: usize) -> Result<String, RequirementError> {
    if !scan.take("(") {
        return comparison(scan);
    }
    if depth == DEPTH_MAX {
        return Err(scan.error_before("has a marker that is nested too deep"));
    }
    let inner = any(scan, depth + 1)?;
    if scan.take(")") { Ok(format!("({inner})")) } else { Err(scan.error("has a marker that is not closed")) }
}

fn comparison(scan: &mut Scan<'_>) -> Result<String, RequirementError> {
    let left = operand(scan)?;
    let operator = operator(scan)?;
    let right = operand(scan)?;
    Ok(format!("{left} {operator} {right}"))
}

fn operand(scan: &mut Scan<'_>) -> Result<String, RequirementError> {
    if let Some(text) = scan.quoted() {
        let quote = if text.contains('\'') { '"' } else { '\'' };
        return Ok(format!("{quote}{text}{quote}"));
    }
    match scan.word(is_letter) {
        Some(word) if VARIABLES.contains(&word) => Ok(word.to_owned()),
        Some(word) => Err(scan.error_before(&format!("has a marker about `{word}`, which there is not"))),
        None => Err(scan.error("has a marker that lacks a name or a text in quotes")),
    }
}

fn operator(scan: &mut Scan<'_>) -> Result<String, RequirementError> {
    if let Some(operator) = OPERATORS.into_iter().find(|operator| scan.take(operator)) {
        return Ok(operator.to_owned());
    }
    let word = scan.word(is_letter);
    match word {
        Some("in") => Ok("in".to_owned()),
        Some("not") if scan.word(is_letter) == Some("in") => Ok("not in".to_owned()),
        _ => Err(scan.error("has a marker without a comparison")),
    }
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
