//! `name=value` on the command line, and the ways to keep a value off it: `name=@FILE` and `name=-`.

use std::path::PathBuf;

use serde_json::Value;

/// A name and where its value comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) source: Source,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// `name=value`.
    Text(String),
    /// `name:=json`.
    Json(Value),
    /// `name=@FILE`.
    File(PathBuf),
    /// `name=-`: asked for on a terminal, else read from stdin.
    Stdin,
}

impl Assignment {
    /// `name=value`, `name=@FILE`, `name=-`; `name=@@value` is a value that begins with `@`.
    pub(crate) fn attribute(text: &str) -> Result<Self, String> {
        let (name, value) = split(text)?;
        let source = if value == "-" { Source::Stdin } else { text_or_file(value) };
        Ok(Self { name: name.to_owned(), source })
    }

    /// `name=value`, `name=@FILE`, `name:=JSON`.
    pub(crate) fn input(text: &str) -> Result<Self, String> {
        let (name, value) = split(text)?;
        let (name, source) = match name.strip_suffix(':') {
            Some(name) => {
                let value = serde_json::from_str(value)
                    .map_err(|error| format!("the value after `{name}:=` is no JSON: {error}"))?;
                (name, Source::Json(value))
            }
            None => (name, text_or_file(value)),
        };
        if name.is_empty() {
            return Err("a name is needed before `:=`".to_owned());
        }
        Ok(Self { name: name.to_owned(), source })
    }
}

/// `TYPE=NAME`, both given.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match split(text)? {
        (_, "") => Err("a name is needed after `=`".to_owned()),
        (kind, name) => Ok((kind.to_owned(), name.to_owned())),
    }
}

fn split(text: &str) -> Result<(&str, &str), String> {
    match text.split_once('=') {
        Some(("", _)) => Err("a name is needed before `=`".to_owned()),
        Some(parts) => Ok(parts),
        None => Err("`=` is missing; the form is `name=value`".to_owned()),
    }
}

fn text_or_file(value: &str) -> Source {
    match value.strip_prefix('@') {
        Some(rest) if rest.starts_with('@') => Source::Text(rest.to_owned()),
        Some(path) if !path.is_empty() => Source::File(path.into()),
        _ => Source::Text(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(parsed: Result<Assignment, String>, name: &str, source: Source) {
        assert_eq!(parsed, Ok(Assignment { name: name.to_owned(), source }));
    }

    #[test]
    fn the_value_says_where_it_comes_from() {
        let text = |text: &str| Source::Text(text.to_owned());
        check(Assignment::attribute("a=b=c"), "a", text("b=c"));
        check(Assignment::attribute("a="), "a", text(""));
        check(Assignment::attribute("a=@f.pem"), "a", Source::File("f.pem".into()));
        check(Assignment::attribute("a=@@at"), "a", text("@at"));
        check(Assignment::attribute("a=@"), "a", text("@"));
        check(Assignment::attribute("a=-"), "a", Source::Stdin);
        check(Assignment::input("a=-"), "a", text("-"));
        check(Assignment::input("n:=[1, true]"), "n", Source::Json(json!([1, true])));
        check(Assignment::input("n=:=x"), "n", text(":=x"));
    }

    #[test]
    fn what_is_no_assignment_is_refused() {
        for text in ["", "a", "=b"] {
            assert!(Assignment::attribute(text).is_err(), "{text}");
        }
        for text in [":=1", "n:=", "n:={"] {
            assert!(Assignment::input(text).is_err(), "{text}");
        }
        assert!(pair("slack=").is_err());
    }
}
