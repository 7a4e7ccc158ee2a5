//! Filters of SCIM (RFC 7644, 3.4.2.2), and the paths of attributes that patches share with them.

use std::cmp::Ordering;

use serde_json::Value;

use super::refusal::Refusal;
use crate::http::excerpt;

/// Bytes of a filter or path.
pub(super) const FILTER_BYTES_MAX: usize = 4096;
/// Parentheses, `not`s and brackets in each other.
pub(super) const FILTER_DEPTH_MAX: usize = 16;

/// Attributes whose texts differ if the case of their letters does.
const CASE_EXACT: [&str; 2] = ["id", "externalid"];

/// The names of an attribute and what lies in it, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute(pub(super) Vec<String>);

/// A condition on a resource or on one of an attribute's values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    Both(Box<Filter>, Box<Filter>),
    Either(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Present(Attribute),
    Compare(Attribute, Operator, Value),
    /// One value of the attribute meets the whole condition.
    OneOf(Attribute, Box<Filter>),
}

/// How an attribute is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// Where a patch changes something: an attribute, those of its values that meet a condition, a part of each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    pub(super) attribute: Attribute,
    pub(super) values: Option<Filter>,
    pub(super) part: Option<String>,
}

impl Attribute {
    pub(super) fn read(text: &str) -> Self {
        // The schema before a name says nothing that the name does not.
        let name = if text.to_ascii_lowercase().starts_with("urn:") {
            text.rsplit_once(':').map_or(text, |(_, name)| name)
        } else {
            text
        };
        Self(name.split('.').map(str::to_ascii_lowercase).collect())
    }

    /// Every value that the attribute has.
    pub(super) fn values_in<'a>(&self, resource: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![resource];
        for name in &self.0 {
            found = found.into_iter().filter_map(|value| member(value, name)).flat_map(each).collect();
        }
        found
    }
}

/// The member of that name, in whichever case.
pub(super) fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn each(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |values| values.iter().collect())
}

impl Filter {
    /// Reads a whole filter; `is_known` says of which attributes there can be one.
    pub(super) fn parse(text: &str, is_known: fn(&Attribute) -> bool) -> Result<Self, Refusal> {
        let mut parser = Parser { text, at: 0, depth: 0, is_known: Some(is_known) };
        parser.check_length()?;
        let filter = parser.either()?;
        parser.end()?;
        Ok(filter)
    }

    /// Whether the resource meets it.
    pub(super) fn holds(&self, resource: &Value) -> bool {
        match self {
            Self::Both(left, right) => left.holds(resource) && right.holds(resource),
            Self::Either(left, right) => left.holds(resource) || right.holds(resource),
            Self::Not(inner) => !inner.holds(resource),
            Self::Present(attribute) => attribute.values_in(resource).into_iter().any(is_present),
            Self::OneOf(attribute, inner) => {
                attribute.values_in(resource).into_iter().any(|value| inner.holds(value))
            }
            Self::Compare(attribute, Operator::NotEqual, wanted) => {
                !Self::Compare(attribute.clone(), Operator::Equal, wanted.clone()).holds(resource)
            }
            Self::Compare(attribute, operator, wanted) => {
                let exact = attribute.0.last().is_some_and(|name| CASE_EXACT.contains(&name.as_str()));
                let values = attribute.values_in(resource);
                if values.is_empty() {
                    return *operator == Operator::Equal && wanted.is_null();
                }
                values.into_iter().any(|value| operator.holds(value, wanted, exact))
            }
        }
    }
}

fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

impl Operator {
    const ALL: [(&'static str, Self); 9] = [
        ("eq", Self::Equal),
        ("ne", Self::NotEqual),
        ("co", Self::Contains),
        ("sw", Self::StartsWith),
        ("ew", Self::EndsWith),
        ("gt", Self::Greater),
        ("ge", Self::GreaterOrEqual),
        ("lt", Self::Less),
        ("le", Self::LessOrEqual),
    ];

    fn holds(self, value: &Value, wanted: &Value, exact: bool) -> bool {
        // A value with parts is compared by the one that is called so.
        let value = if value.is_object() { member(value, "value").unwrap_or(value) } else { value };
        let (Value::String(value), Value::String(wanted)) = (value, wanted) else {
            return self == Self::Equal && value == wanted;
        };
        let folded = |text: &str| if exact { text.to_owned() } else { text.to_lowercase() };
        let (value, wanted) = (folded(value), folded(wanted));
        match self {
            Self::Equal => value == wanted,
            Self::NotEqual => value != wanted,
            Self::Contains => value.contains(&wanted),
            Self::StartsWith => value.starts_with(&wanted),
            Self::EndsWith => value.ends_with(&wanted),
            Self::Greater => value.cmp(&wanted) == Ordering::Greater,
            Self::GreaterOrEqual => value.cmp(&wanted) != Ordering::Less,
            Self::Less => value.cmp(&wanted) == Ordering::Less,
            Self::LessOrEqual => value.cmp(&wanted) != Ordering::Greater,
        }
    }
}

impl Path {
    /// Reads the path of a patch.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut parser = Parser { text, at: 0, depth: 0, is_known: None };
        parser.check_length().and_then(|()| parser.path()).map_err(Refusal::into_invalid_path)
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// None of a path, where unknown attributes are passed over later.
    is_known: Option<fn(&Attribute) -> bool>,
}

impl<'a> Parser<'a> {
    fn check_length(&self) -> Result<(), Refusal> {
        if self.text.len() <= FILTER_BYTES_MAX {
            return Ok(());
        }
        let length = self.text.len();
        Err(Refusal::filter(format!("it has {length} bytes, more than {FILTER_BYTES_MAX}")))
    }

    fn wrong(&self, expected: &str) -> Refusal {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let found =
            if rest.is_empty() { "it ends".to_owned() } else { format!("`{}` stands", excerpt(rest)) };
        Refusal::filter(format!("{found} at position {}, where {expected} must be", self.at + 1))
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(' ').len();
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn takes(&mut self, sign: char) -> bool {
        self.skip_spaces();
        let is_there = self.rest().starts_with(sign);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, sign: char) -> Result<(), Refusal> {
        if self.takes(sign) { Ok(()) } else { Err(self.wrong(&format!("`{sign}`"))) }
    }

    fn end(&mut self) -> Result<(), Refusal> {
        self.skip_spaces();
        if self.rest().is_empty() { Ok(()) } else { Err(self.wrong("`and`, `or` or the end")) }
    }

    /// The next word, without taking it.
    fn word(&mut self) -> &'a str {
        self.skip_spaces();
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || ".:_-$".contains(c);
        rest.split(|c| !is_part(c)).next().unwrap_or_default()
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_there = self.word().eq_ignore_ascii_case(word);
        self.at += if is_there { word.len() } else { 0 };
        is_there
    }

    fn either(&mut self) -> Result<Filter, Refusal> {
        let mut filter = self.both()?;
        while self.takes_word("or") {
            filter = Filter::Either(Box::new(filter), Box::new(self.both()?));
        }
        Ok(filter)
    }

    fn both(&mut self) -> Result<Filter, Refusal> {
        let mut filter = self.single()?;
        while self.takes_word("and") {
            filter = Filter::Both(Box::new(filter), Box::new(self.single()?));
        }
        Ok(filter)
    }

    fn single(&mut self) -> Result<Filter, Refusal> {
        if self.takes_word("not") {
            self.expect('(')?;
            return Ok(Filter::Not(Box::new(self.within(')')?)));
        }
        if self.takes('(') {
            return self.within(')');
        }
        let start = self.at;
        let attribute = self.attribute()?;
        if self.rest().starts_with('[') {
            self.at += 1;
            // What is within is about the attribute's parts.
            let outer = self.is_known.take();
            let inner = self.within(']');
            self.is_known = outer;
            return Ok(Filter::OneOf(attribute, Box::new(inner?)));
        }
        if self.is_known.is_some_and(|is_known| !is_known(&attribute)) {
            self.at = start;
            self.skip_spaces();
            return Err(self.wrong("an attribute that can be filtered by"));
        }
        if self.takes_word("pr") {
            return Ok(Filter::Present(attribute));
        }
        let word = self.word();
        let known = Operator::ALL.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        let (name, operator) =
            known.ok_or_else(|| self.wrong("one of eq, ne, co, sw, ew, pr, gt, ge, lt, le"))?;
        self.at += name.len();
        Ok(Filter::Compare(attribute, operator, self.value()?))
    }

    fn within(&mut self, end: char) -> Result<Filter, Refusal> {
        self.depth += 1;
        if self.depth > FILTER_DEPTH_MAX {
            return Err(Refusal::filter(format!("it is nested deeper than {FILTER_DEPTH_MAX} levels")));
        }
        let filter = self.either()?;
        self.expect(end)?;
        self.depth -= 1;
        Ok(filter)
    }

    fn attribute(&mut self) -> Result<Attribute, Refusal> {
        let word = self.word();
        if !word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$') {
            return Err(self.wrong("the name of an attribute"));
        }
        self.at += word.len();
        Ok(Attribute::read(word))
    }

    fn value(&mut self) -> Result<Value, Refusal> {
        self.skip_spaces();
        let rest = self.rest();
        // A text ends with its quote, anything else where a word does: a bracket may follow at once.
        let length = if rest.starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            values.next().filter(Result::is_ok).map(|_| values.byte_offset())
        } else {
            rest.find(|c: char| c.is_whitespace() || c == ')' || c == ']').or(Some(rest.len()))
        };
        let value = length.and_then(|length| serde_json::from_str(rest.get(..length)?).ok());
        match (value, length) {
            (
                Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null)),
                Some(length),
            ) => {
                self.at += length;
                Ok(value)
            }
            _ => Err(self.wrong("a text in quotes, a number, true, false or null")),
        }
    }

    fn path(&mut self) -> Result<Path, Refusal> {
        let attribute = self.attribute()?;
        let values = if self.takes('[') { Some(self.within(']')?) } else { None };
        let part = if values.is_some() && self.takes('.') {
            let part = self.attribute()?;
            Some(part.0.join("."))
        } else {
            None
        };
        self.end()?;
        Ok(Path { attribute, values, part })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(filter: &str) -> bool {
        let ada = json!({
            "userName": "ada@example.com", "externalId": "A1", "active": true, "name": {"familyName": "Lovelace"},
            "emails": [{"value": "ada@example.com", "type": "work"}, {"value": "a@x.org", "type": "home"}],
        });
        Filter::parse(filter, |_| true).unwrap_or_else(|_| panic!("{filter}")).holds(&ada)
    }

    #[test]
    fn every_operator_is_understood() {
        for filter in [
            r#"userName eq "ADA@example.com""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName EQ "ada@example.com""#,
            r#"externalId eq "A1" and active eq true"#,
            r#"userName sw "ada" and userName ew ".com" and userName co "@""#,
            r#"userName gt "a" and userName ge "ada@example.com" and userName lt "b" and userName le "b""#,
            r#"name.familyName pr and not (title pr)"#,
            r#"externalId eq "a1" or emails.value eq "a@x.org""#,
            r#"emails eq "a@x.org""#,
            r#"emails[type eq "home" and value ew "x.org"]"#,
            r#"title eq null and title ne "x""#,
        ] {
            assert!(holds(filter), "{filter}");
        }
        for filter in [
            r#"externalId eq "a1""#,
            r#"emails[type eq "home" and value ew "example.com"]"#,
            r#"userName ne "ada@example.com""#,
            r#"active eq false or title pr"#,
            // `and` binds closer.
            r#"active eq false and (active eq true or active eq true)"#,
        ] {
            assert!(!holds(filter), "{filter}");
        }
    }

    #[test]
    fn paths_of_patches_are_understood() {
        let path = Path::parse(r#"emails[type eq "work"].value"#).unwrap_or_else(|_| panic!());
        assert_eq!((path.attribute.0, path.part), (vec!["emails".to_owned()], Some("value".to_owned())));
        for bad in ["", "a b", "a[", "a[b eq]", "a[b eq 1", "a[b eq 1].", "[a eq 1]", "1"] {
            assert!(Path::parse(bad).is_err(), "{bad}");
        }
    }
}
