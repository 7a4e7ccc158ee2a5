//! Functions on text. Positions are in bytes, as the reference counts them; lengths in characters.

use super::{Arguments, Function, entry};
use crate::budget::{Budget, Fault};
use crate::ops;
use crate::value::Value;

type Outcome = Result<Value, Fault>;

pub(super) const FUNCTIONS: &[Function] = &[
    entry(
        "trim",
        "trim(text, characters?) string",
        "Takes white space, or the given characters, off both ends.",
        ("trim(\"  a \")", "\"a\""),
        (1, 2),
        trim,
    ),
    entry(
        "trimPrefix",
        "trimPrefix(text, prefix?) string",
        "Takes the prefix off, if it is there.",
        ("trimPrefix(\"re: a\", \"re: \")", "\"a\""),
        (1, 2),
        |args, budget| {
            let (text, prefix) = (args.text(0)?, args.text_or(1, " ")?);
            budget.text(text.strip_prefix(prefix).unwrap_or(text))
        },
    ),
    entry(
        "trimSuffix",
        "trimSuffix(text, suffix?) string",
        "Takes the suffix off, if it is there.",
        ("trimSuffix(\"a.exe\", \".exe\")", "\"a\""),
        (1, 2),
        |args, budget| {
            let (text, suffix) = (args.text(0)?, args.text_or(1, " ")?);
            budget.text(text.strip_suffix(suffix).unwrap_or(text))
        },
    ),
    entry("upper", "upper(text) string", "In capitals.", ("upper(\"a1\")", "\"A1\""), (1, 1), upper),
    entry(
        "to_upper",
        "to_upper(text) string",
        "The same as `upper`.",
        ("to_upper(\"a\")", "\"A\""),
        (1, 1),
        upper,
    ),
    entry("lower", "lower(text) string", "In small letters.", ("lower(\"A1\")", "\"a1\""), (1, 1), lower),
    entry(
        "to_lower",
        "to_lower(text) string",
        "The same as `lower`.",
        ("to_lower(\"A\")", "\"a\""),
        (1, 1),
        lower,
    ),
    entry(
        "split",
        "split(text, separator, n?) array",
        "The parts between the separators, `n` of them at most.",
        ("split(\"a,b,c\", \",\", 2)", "[\"a\", \"b,c\"]"),
        (2, 3),
        |args, budget| split(args, budget, false),
    ),
    entry(
        "splitAfter",
        "splitAfter(text, separator, n?) array",
        "As `split`, but each part keeps the separator it ends with.",
        ("splitAfter(\"a,b\", \",\")", "[\"a,\", \"b\"]"),
        (2, 3),
        |args, budget| split(args, budget, true),
    ),
    entry(
        "replace",
        "replace(text, old, new, n?) string",
        "Puts `new` in the place of every `old`, or of the first `n`.",
        ("replace(\"a.b.c\", \".\", \"-\")", "\"a-b-c\""),
        (3, 4),
        replace,
    ),
    entry(
        "repeat",
        "repeat(text, n) string",
        "The text `n` times.",
        ("repeat(\"ab\", 3)", "\"ababab\""),
        (2, 2),
        repeat,
    ),
    entry(
        "join",
        "join(list, separator?) string",
        "The texts of a list, one after the other.",
        ("join([\"a\", \"b\"], \"-\")", "\"a-b\""),
        (1, 2),
        join,
    ),
    entry(
        "indexOf",
        "indexOf(text, part) int",
        "Where the part begins first, in bytes; -1 if nowhere.",
        ("indexOf(\"abcb\", \"b\")", "1"),
        (2, 2),
        |args, _| Ok(position(args.text(0)?.find(args.text(1)?.as_ref()))),
    ),
    entry(
        "lastIndexOf",
        "lastIndexOf(text, part) int",
        "Where the part begins last, in bytes; -1 if nowhere.",
        ("lastIndexOf(\"abcb\", \"b\")", "3"),
        (2, 2),
        |args, _| Ok(position(args.text(0)?.rfind(args.text(1)?.as_ref()))),
    ),
    entry(
        "hasPrefix",
        "hasPrefix(text, prefix) bool",
        "Whether the text begins so.",
        ("hasPrefix(\"abc\", \"ab\")", "true"),
        (2, 2),
        |args, _| Ok(args.text(0)?.starts_with(args.text(1)?.as_ref()).into()),
    ),
    entry(
        "hasSuffix",
        "hasSuffix(text, suffix) bool",
        "Whether the text ends so.",
        ("hasSuffix(\"abc\", \"bc\")", "true"),
        (2, 2),
        |args, _| Ok(args.text(0)?.ends_with(args.text(1)?.as_ref()).into()),
    ),
    entry(
        "regex_find",
        "regex_find(text, pattern) string or nil",
        "The first match of the pattern, its first group if it has one; nil if there is none.",
        ("regex_find(\"id=42;\", \"id=([0-9]+)\")", "\"42\""),
        (2, 2),
        regex_find,
    ),
    entry(
        "regex_find_all",
        "regex_find_all(text, pattern) array",
        "All matches of the pattern, of each its first group if it has one.",
        ("regex_find_all(\"a1 b22\", \"[0-9]+\")", "[\"1\", \"22\"]"),
        (2, 2),
        regex_find_all,
    ),
    entry(
        "regex_replace",
        "regex_replace(text, pattern, new) string",
        "Puts `new` in the place of every match; `$1` there is the first group.",
        ("regex_replace(\"a1b22\", \"([0-9]+)\", \"<$1>\")", "\"a<1>b<22>\""),
        (3, 3),
        regex_replace,
    ),
];

fn trim(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let text = args.text(0)?;
    if !args.given(1) {
        return budget.text(text.trim());
    }
    let characters = args.text(1)?;
    budget.work(characters.len())?;
    budget.text(text.trim_matches(|char| characters.contains(char)))
}

/// Letter by letter, as in the reference: the length in characters stays (`ß` has no single capital).
fn upper(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let one = |char: char| {
        let mut upper = char.to_uppercase();
        if upper.len() == 1 { upper.next().unwrap_or(char) } else { char }
    };
    budget.text(args.text(0)?.chars().map(one).collect::<String>())
}

fn lower(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let one = |char: char| char.to_lowercase().next().unwrap_or(char);
    budget.text(args.text(0)?.chars().map(one).collect::<String>())
}

fn position(index: Option<usize>) -> Value {
    Value::Int(index.map_or(-1, |index| index as i64))
}

fn split(args: Arguments<'_>, budget: &mut Budget<'_>, keep: bool) -> Outcome {
    let (text, separator) = (args.text(0)?, args.text(1)?);
    let most = match args.given(2) {
        true => usize::try_from(args.whole(2)?).unwrap_or(usize::MAX),
        false => usize::MAX,
    };
    let mut parts: Vec<Value> = Vec::new();
    let mut rest = text.as_ref();
    while parts.len() + 1 < most && !rest.is_empty() {
        // Without a separator the parts are the characters.
        let found = match separator.is_empty() {
            true => rest.chars().next().map(char::len_utf8).filter(|len| *len < rest.len()),
            false => rest.find(separator.as_ref()),
        };
        let Some(found) = found else { break };
        let end = found + if keep { separator.len() } else { 0 };
        budget.grow(parts.len())?;
        parts.push(budget.text(&rest[..end])?);
        rest = &rest[found + separator.len()..];
    }
    if most > 0 && !(rest.is_empty() && separator.is_empty()) {
        parts.push(budget.text(rest)?);
    }
    budget.list(parts)
}

fn replace(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let (text, old, new) = (args.text(0)?, args.text(1)?, args.text(2)?);
    let most = match args.given(3) {
        true => usize::try_from(args.whole(3)?).unwrap_or(usize::MAX),
        false => usize::MAX,
    };
    let found = text.matches(old.as_ref()).take(most).count();
    let growth = found.saturating_mul(new.len().saturating_sub(old.len()));
    budget.text_len(text.len().saturating_add(growth))?;
    Ok(text.replacen(old.as_ref(), new, most).into())
}

fn repeat(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let text = args.text(0)?;
    let times = usize::try_from(args.whole(1)?)
        .map_err(|_| Fault::value("a text cannot be repeated less than zero times"))?;
    budget.text_len(text.len().saturating_mul(times))?;
    Ok(text.repeat(times).into())
}

fn join(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let (list, separator) = (args.list(0)?, args.text_or(1, "")?);
    let mut texts = Vec::with_capacity(list.len());
    let mut len = separator.len().saturating_mul(list.len());
    for value in list.iter() {
        let Value::String(text) = value else {
            let message = format!("`join` puts texts together, not {}", ops::kind(value));
            return Err(Fault::types(message).with_hint("make texts of the elements: `map(list, string(#))`"));
        };
        len = len.saturating_add(text.len());
        texts.push(text.as_ref());
    }
    budget.work(list.len())?;
    budget.text_len(len)?;
    Ok(texts.join(separator).into())
}

fn regex(args: Arguments<'_>, budget: &mut Budget<'_>) -> Result<regex::Regex, Fault> {
    let (text, pattern) = (args.text(0)?, args.text(1)?);
    budget.work(1000 + pattern.len() * 10 + text.len() / 16)?;
    ops::regex(pattern)
}

/// What of a match is wanted: its first group, or all of it if there is no group.
fn wanted<'t>(captures: &regex::Captures<'t>) -> &'t str {
    captures.get(1).or(captures.get(0)).map_or("", |found| found.as_str())
}

fn regex_find(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    match regex(args, budget)?.captures(args.text(0)?) {
        Some(captures) => budget.text(wanted(&captures)),
        None => Ok(Value::Nil),
    }
}

fn regex_find_all(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let regex = regex(args, budget)?;
    let mut found = Vec::new();
    for captures in regex.captures_iter(args.text(0)?) {
        budget.grow(found.len())?;
        found.push(budget.text(wanted(&captures))?);
    }
    budget.list(found)
}

fn regex_replace(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let (text, new) = (args.text(0)?, args.text(2)?);
    let regex = regex(args, budget)?;
    let mut out = String::new();
    let mut end = 0;
    for captures in regex.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        out.push_str(&text[end..whole.start()]);
        captures.expand(new, &mut out);
        end = whole.end();
        if out.len() > budget.limits.string_bytes {
            budget.text_len(out.len())?;
        }
    }
    out.push_str(&text[end..]);
    budget.text(out)
}
