//! Every name of a query by a number: the same name has the same number, so that scopes mean what they meant.

use std::collections::HashMap;
use std::fmt;

use sqlparser::ast::Ident;

/// What stands before the number of a name. Nothing else of what is written begins with it.
const PREFIX: &str = "n_";

/// A name as the database knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named(usize);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

/// The names of one query.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<String, usize>,
    names: Vec<String>,
}

impl Names {
    /// A name that somebody wrote: without quotes it is lower case, as in PostgreSQL.
    pub(super) fn of(&mut self, ident: &Ident) -> Named {
        self.of_text(&folded(ident))
    }

    pub(super) fn of_text(&mut self, name: &str) -> Named {
        if let Some(number) = self.numbers.get(name) {
            return Named(*number);
        }
        let number = self.names.len();
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        Named(number)
    }

    /// What a column of the answer is called.
    pub(crate) fn name(&self, written: &str) -> String {
        let number = written.strip_prefix(PREFIX).and_then(|number| number.parse::<usize>().ok());
        number.and_then(|number| self.names.get(number)).map_or(written, String::as_str).to_owned()
    }

    /// The database's words about a query, in those of whoever asked.
    pub(crate) fn in_words(&self, reason: &str) -> String {
        let mut told = String::with_capacity(reason.len());
        let mut rest = reason;
        while let Some(at) = rest.find(PREFIX) {
            let (before, name) = rest.split_at(at);
            let digits = name[PREFIX.len()..].bytes().take_while(u8::is_ascii_digit).count();
            let (name, after) = name.split_at(PREFIX.len() + digits);
            told.push_str(before);
            let is_inside = told.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            told.push_str(&if is_inside { name.to_owned() } else { self.name(name) });
            rest = after;
        }
        told + rest
    }
}

/// The name as it is looked for.
pub(super) fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number_and_is_told_by_it() {
        let mut names = Names::default();
        let level = names.of(&Ident::new("Level"));
        assert_eq!(level, names.of(&Ident::with_quote('"', "level")));
        assert_ne!(level, names.of(&Ident::with_quote('"', "Level")));
        assert_eq!(names.name(&level.to_string()), "level");
        assert_eq!(names.name("n_7"), "n_7");
        assert_eq!(
            names.in_words("no such column: n_0.n_1, column_n_0 n_"),
            "no such column: level.Level, column_n_0 n_"
        );
    }
}
