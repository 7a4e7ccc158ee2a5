//! What a step's program is given of its run. A run may hold a hundred megabytes of outputs and its program read one
//! number of them, so it is given what its text names, and everything where that cannot be told.

use std::collections::BTreeSet;
use std::sync::Arc;

use expr::{Map, Scope, Value};

use crate::scope::View;

/// The name under which programs see the run.
const NAME: &str = "context";
/// The root of which single members are given.
const STEPS: &str = "steps";

/// Parts of the run.
#[derive(Debug, PartialEq, Eq)]
enum Part<'c> {
    All,
    /// Those members.
    Some(BTreeSet<&'c str>),
}

/// The roots of `view` that `code` may read, as a map; none if it does not name the context.
pub(crate) fn of(code: &str, view: &View<'_>) -> Option<Value> {
    let (roots, steps) = parts(code)?;
    let named = |root: &str| match &roots {
        Part::All => true,
        Part::Some(roots) => roots.contains(root),
    };
    let mut context = Map::new();
    for root in view.names().into_iter().filter(|root| named(root)) {
        let Some(value) = view.root(root) else { continue };
        let value = match (&steps, value) {
            (Part::Some(ids), Value::Map(all)) if root == STEPS => {
                let some = ids.iter().filter_map(|id| all.get_key_value(*id));
                Value::Map(Arc::new(some.map(|(id, shown)| (Arc::clone(id), shown.clone())).collect()))
            }
            (_, value) => value.clone(),
        };
        context.insert(root.into(), value);
    }
    Some(Value::Map(Arc::new(context)))
}

/// Which roots and which steps `code` names. Looks at the text alone, so it may find more than is read, never less.
fn parts(code: &str) -> Option<(Part<'_>, Part<'_>)> {
    let mut found = false;
    let (mut roots, mut steps) = (BTreeSet::new(), BTreeSet::new());
    let mut all_steps = false;
    for (at, _) in code.match_indices(NAME) {
        let (before, after) = (&code[..at], &code[at + NAME.len()..]);
        let joined = |char: char| char.is_alphanumeric() || char == '_';
        if before.ends_with(joined) || after.starts_with(joined) {
            continue;
        }
        found = true;
        let Some((root, rest)) = member(after) else { return Some((Part::All, Part::All)) };
        roots.insert(root);
        if root == STEPS {
            match member(rest).or_else(|| item(rest)) {
                Some((id, _)) => drop(steps.insert(id)),
                None => all_steps = true,
            }
        }
    }
    let steps = if all_steps { Part::All } else { Part::Some(steps) };
    found.then_some((Part::Some(roots), steps))
}

/// `.name` at the beginning, and what is behind it. A name that goes on in a way that only some languages know is none.
fn member(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('.')?;
    let end = text.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    (!name.is_empty() && !rest.starts_with(['\\', '$'])).then_some((name, rest))
}

/// `["name"]` at the beginning, and what is behind it.
fn item(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('[')?;
    let quote = text.chars().next().filter(|char| matches!(char, '"' | '\''))?;
    let (name, rest) = text[1..].split_once(quote)?;
    let plain = !name.contains(['\\', '\n']);
    rest.strip_prefix(']').filter(|_| plain).map(|rest| (name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(names: &[&'static str]) -> Part<'static> {
        if names == ["*"] { Part::All } else { Part::Some(names.iter().copied().collect()) }
    }

    fn check(code: &str, expected: Option<(&[&'static str], &[&'static str])>) {
        let expected = expected.map(|(roots, steps)| (part(roots), part(steps)));
        assert_eq!(parts(code), expected, "{code}");
    }

    #[test]
    fn a_program_is_given_what_it_names_and_everything_where_that_cannot_be_told() {
        check("print(1)", None);
        check("my_context = contexts.steps", None);
        check("print(context.inputs.a)", Some((&["inputs"], &[])));
        check("context.variables.n = context.inputs.a + 1", Some((&["inputs", "variables"], &[])));
        check("context.steps.S1.output.a + context.steps['S 2'].output", Some((&["steps"], &["S 2", "S1"])));
        check("f\"{context.steps[\"S1\"].status}\"", Some((&["steps"], &["S1"])));
        check("for step in context.steps: pass", Some((&["steps"], &["*"])));
        check("context.steps[name]", Some((&["steps"], &["*"])));
        check("context.steps['S' + name]", Some((&["steps"], &["*"])));
        check("context.steps['a\\x62']", Some((&["steps"], &["*"])));
        check("context.steps.S\\u0031.output", Some((&["steps"], &["*"])));
        check("getattr(context.steps, name)", Some((&["steps"], &["*"])));
        for whole in [
            "context",
            "f(context)",
            "context['steps']",
            "context .steps",
            "context?.steps",
            "context.\nx",
            "context.st\\u0065ps",
        ] {
            check(whole, Some((&["*"], &["*"])));
        }
    }
}
