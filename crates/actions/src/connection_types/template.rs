//! Text with holes: `https://{domain}/api` takes its holes from the fields of a connection. The whole
//! language is `{field}`, `{field.member}` (the field holds a JSON object) and `{{`, `}}` for the braces
//! themselves. Used by every part of a connection type that depends on the connection. Not the expression
//! language of workflows: nothing is computed here.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Values;

/// A parsed template. Cheap to render, compares by its source.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Part {
    Text(String),
    Field { name: String, member: Option<String> },
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace is not closed, or was never opened.
    #[error("a brace stands alone in `{0}`; write it twice to mean the brace itself")]
    Unbalanced(String),
    /// What stands between the braces is not `field` or `field.member`.
    #[error("`{{{0}}}` is not `{{field}}` or `{{field.member}}`")]
    Name(String),
}

/// A field that is referred to by its member, but holds no JSON object with that member. The text of the
/// field is not part of this: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}` is not a JSON object with a text `{member}`")]
pub struct RenderError {
    /// The field's name.
    pub field: String,
    /// The member that was looked for.
    pub member: String,
}

impl Template {
    /// Reads a template.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let unbalanced = || TemplateError::Unbalanced(source.to_owned());
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let brace = &rest[at..];
            if let Some(after) = brace.strip_prefix("{{") {
                text.push('{');
                rest = after;
            } else if let Some(after) = brace.strip_prefix("}}") {
                text.push('}');
                rest = after;
            } else {
                let inner = brace.strip_prefix('{').ok_or_else(unbalanced)?;
                let (name, after) = inner.split_once('}').ok_or_else(unbalanced)?;
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(parse_field(name)?);
                rest = after;
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Self { source: source.to_owned(), parts })
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names of the fields in it, in order, repeated as often as they stand there.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Fills the holes. A field that holds nothing is the empty text. The result may hold secrets: keep it
    /// no longer than the request lives, and out of errors.
    pub fn render(&self, values: &Values) -> Result<String, RenderError> {
        let mut out = String::with_capacity(self.source.len());
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field { name, member: None } => out.push_str(values.get(name)),
                Part::Field { name, member: Some(member) } => out.push_str(&values.member(name, member)?),
            }
        }
        Ok(out)
    }

    /// As [`render`](Self::render), but nothing if all fields in it hold nothing: so that an optional
    /// field takes the header around it away with it.
    pub fn render_if_filled(&self, values: &Values) -> Result<Option<String>, RenderError> {
        let mut fields = self.fields().peekable();
        if fields.peek().is_some() && fields.all(|name| values.get(name).is_empty()) {
            return Ok(None);
        }
        self.render(values).map(Some)
    }
}

fn parse_field(inner: &str) -> Result<Part, TemplateError> {
    let word = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    let (name, member) = match inner.split_once('.') {
        Some((name, member)) => (name, Some(member)),
        None => (inner, None),
    };
    if !word(name) || member.is_some_and(|member| !word(member)) {
        return Err(TemplateError::Name(inner.to_owned()));
    }
    Ok(Part::Field { name: name.to_owned(), member: member.map(str::to_owned) })
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(source: String) -> Result<Self, TemplateError> {
        Self::parse(&source)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.source
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({:?})", self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: Result<&str, &str>) {
        let values =
            Values::from_pairs([("domain", "acme.okta.com"), ("key", r#"{"email":"a@b.c"}"#), ("empty", "")]);
        let actual = Template::parse(source)
            .map_err(|error| error.to_string())
            .and_then(|template| template.render(&values).map_err(|error| error.to_string()));
        assert_eq!(actual.as_deref().map_err(String::as_str), expected, "{source}");
    }

    #[test]
    fn holes_are_filled_from_the_fields() {
        check("", Ok(""));
        check("https://{domain}/api", Ok("https://acme.okta.com/api"));
        check("{domain}{domain}", Ok("acme.okta.comacme.okta.com"));
        check("{{\"a\": \"{domain}\"}}", Ok("{\"a\": \"acme.okta.com\"}"));
        check("{key.email}", Ok("a@b.c"));
        check("[{empty}{absent}]", Ok("[]"));
    }

    #[test]
    fn what_is_no_template_says_why() {
        check("{domain", Err("a brace stands alone in `{domain`; write it twice to mean the brace itself"));
        check("a } b", Err("a brace stands alone in `a } b`; write it twice to mean the brace itself"));
        check("{not a name}", Err("`{not a name}` is not `{field}` or `{field.member}`"));
        check("{a.}", Err("`{a.}` is not `{field}` or `{field.member}`"));
        check("{domain.x}", Err("field `domain` is not a JSON object with a text `x`"));
        check("{key.x}", Err("field `key` is not a JSON object with a text `x`"));
    }

    #[test]
    fn an_optional_field_takes_the_text_around_it_away() {
        let values = Values::from_pairs([("org", ""), ("key", "k")]);
        let render = |source| Template::parse(source).unwrap().render_if_filled(&values).unwrap();
        assert_eq!(render("org {org}"), None);
        assert_eq!(render("org {org}{key}").as_deref(), Some("org k"));
        assert_eq!(render("constant").as_deref(), Some("constant"));
    }
}
