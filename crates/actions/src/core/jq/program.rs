//! From the text of a query to its results, on the thread that is made for it.

use std::fmt;

use jaq_core::data::HasLut;
use jaq_core::load::parse::Def;
use jaq_core::load::{self, Arena, File, Import, Loader};
use jaq_core::native::Fun;
use jaq_core::{Compiler, Ctx, DataT, Lut, Vars};
use serde_json::Value as Json;

use super::value::Val;
use super::{RESULT_BYTES_MAX, RESULTS_MAX, filters, limits};
use crate::ActionError;
use crate::inputs::{invalid, shown};

/// Characters of an error's message.
const MESSAGE_CHARS_MAX: usize = 500;

/// Definitions of the language that need none of ours.
const PRELUDE: &str = include_str!("prelude.jq");
/// Definitions of the evaluator that are not there, or are in the prelude.
const REPLACED: [&str; 8] =
    ["debug", "from_entries", "halt", "halt_error", "isnan", "stderr", "todate", "with_entries"];

/// What queries work on.
pub(super) struct Query;

/// A native filter.
pub(super) type Function = Fun<Query>;

impl DataT for Query {
    type V<'a> = Val;
    type Data<'a> = Counted<'a>;
}

/// The table in which the evaluator looks up each step, and so the place where steps are counted.
#[derive(Clone, Copy)]
pub(super) struct Counted<'a>(&'a Lut<Query>);

impl<'a> HasLut<'a, Query> for Counted<'a> {
    fn lut(&self) -> &'a Lut<Query> {
        limits::call();
        self.0
    }
}

/// All results of the query for that value.
pub(super) fn run(query: &str, input: &Json) -> Result<Vec<Json>, ActionError> {
    let arena = Arena::default();
    let loader = Loader::new(definitions());
    let modules = loader.load(&arena, File { code: query, path: () });
    let modules = modules.map_err(|errors| first(query, errors, syntax))?;
    let no_files = |_: Import<'_, &str, ()>| Err("a query reads no files".to_owned());
    load::import(&modules, no_files).map_err(|errors| first(query, errors, syntax))?;
    let compiled = Compiler::default().with_funs(filters::all()).compile(modules);
    let filter = compiled.map_err(|errors| first(query, errors, undefined))?;

    let input = Val::from_json(input);
    let context = Ctx::<Query>::new(Counted(&filter.lut), Vars::new([]));
    let mut results = Vec::new();
    let mut room = RESULT_BYTES_MAX;
    for outcome in filter.id.run((context, input)) {
        // What is no error would leave the process or a loop, and there is none that could.
        let value = outcome.map_err(|exception| match exception.get_err() {
            Ok(error) => failed(&error),
            Err(_) => invalid("the query broke out of a label that is not there"),
        })?;
        if results.len() == RESULTS_MAX {
            return Err(invalid(&format!("the query has more than {RESULTS_MAX} results")));
        }
        let too_large = || invalid(&format!("the results have more than {RESULT_BYTES_MAX} bytes"));
        results.push(value.to_json(&mut room).ok_or_else(too_large)?);
    }
    Ok(results)
}

fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let others = jaq_core::defs().chain(jaq_std::defs()).filter(|def| !REPLACED.contains(&def.name));
    others.chain(load::parse(PRELUDE, |parser| parser.defs()).unwrap_or_default())
}

/// The first of the errors in a query.
fn first<E>(query: &str, errors: load::Errors<&str, (), E>, show: fn(&str, E) -> ActionError) -> ActionError {
    let unknown = || invalid("input `query` is no query");
    errors.into_iter().next().map_or_else(unknown, |(_, error)| show(query, error))
}

fn syntax(query: &str, error: load::Error<&str>) -> ActionError {
    let at_end = |found: &str| {
        if found.is_empty() {
            "the query ends".to_owned()
        } else {
            format!("there is `{}`", shown(first_word(found)))
        }
    };
    let (place, why) = match error {
        load::Error::Io(errors) => {
            let found = errors.into_iter().next();
            let (path, why) = found.unwrap_or(("", "a query reads no files".to_owned()));
            (path, format!("module `{}`: {why}", shown(path)))
        }
        load::Error::Lex(errors) => match errors.into_iter().next() {
            Some((expected, found)) => {
                (found, format!("expected {}, but {}", expected.as_str(), at_end(found)))
            }
            None => ("", String::new()),
        },
        load::Error::Parse(errors) => match errors.into_iter().next() {
            Some((expected, found)) => {
                (found, format!("expected {}, but {}", expected.as_str(), at_end(found)))
            }
            None => ("", String::new()),
        },
    };
    misplaced(query, place, &why)
}

fn undefined(query: &str, errors: Vec<jaq_core::compile::Error<&str>>) -> ActionError {
    let Some((name, kind)) = errors.into_iter().next() else { return misplaced(query, "", "") };
    misplaced(query, name, &format!("there is no {} `{}`", kind.as_str(), shown(name)))
}

/// An error at that part of the query.
fn misplaced(query: &str, place: &str, why: &str) -> ActionError {
    let start = load_offset(query, place).unwrap_or(query.len());
    let before = query.get(..start).unwrap_or(query);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    invalid(&format!("input `query` is wrong at line {line}, column {column}: {why}"))
}

/// Where the part begins, if it is one of the query.
fn load_offset(query: &str, part: &str) -> Option<usize> {
    let offset = part.as_ptr().addr().checked_sub(query.as_ptr().addr())?;
    (offset + part.len() <= query.len() && query.is_char_boundary(offset)).then_some(offset)
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// A query that has failed while it ran.
fn failed(error: &super::value::Error) -> ActionError {
    let mut message = Message::default();
    // Written until the message is full, whatever the size of the value that it shows.
    let _ = fmt::Write::write_fmt(&mut message, format_args!("{error}"));
    let more = if message.is_full { "…" } else { "" };
    invalid(&format!("the query failed: {}{more}", message.text))
}

#[derive(Default)]
struct Message {
    text: String,
    is_full: bool,
}

impl fmt::Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MESSAGE_CHARS_MAX.saturating_sub(self.text.chars().count());
        self.text.extend(text.chars().take(room));
        self.is_full = text.chars().nth(room).is_some();
        if self.is_full { Err(fmt::Error) } else { Ok(()) }
    }
}
