//! HTML cut into tags and text. Never fails: what is no tag is text, as it is for a browser.

use std::borrow::Cow;

use super::entities;
use super::page::Page;

/// Elements whose content is not for readers.
const HIDDEN: [&str; 6] = ["script", "style", "title", "template", "noscript", "svg"];

/// A tag's name in lower case, and whether it ends an element.
pub(super) struct TagRef<'a> {
    pub(super) name: &'a str,
    pub(super) end: bool,
    attributes: &'a str,
}

/// Goes through the document.
pub(super) fn read(html: &str, page: &mut Page) {
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let (text, from) = rest.split_at(start);
        page.text(&entities::resolve(text));
        rest = match markup(from) {
            Markup::None => {
                page.text("<");
                from.get(1..).unwrap_or_default()
            }
            Markup::Comment(after) => after,
            Markup::Tag { inner, after } => tag(inner, after, page),
        };
    }
    page.text(&entities::resolve(rest));
}

enum Markup<'a> {
    /// The sign stands for itself.
    None,
    /// A comment or a declaration, and what follows it.
    Comment(&'a str),
    Tag {
        inner: &'a str,
        after: &'a str,
    },
}

/// What begins with the `<` at the beginning.
fn markup(from: &str) -> Markup<'_> {
    let inner = from.get(1..).unwrap_or_default();
    if let Some(comment) = inner.strip_prefix("!--") {
        return Markup::Comment(comment.split_once("-->").map_or("", |(_, after)| after));
    }
    if inner.starts_with(['!', '?']) {
        return Markup::Comment(inner.split_once('>').map_or("", |(_, after)| after));
    }
    if !inner.strip_prefix('/').unwrap_or(inner).starts_with(|char: char| char.is_ascii_alphabetic()) {
        return Markup::None;
    }
    // A `>` within quotes belongs to an attribute.
    let mut quote = None;
    for (index, byte) in inner.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => {
                let (inner, after) = inner.split_at(index);
                return Markup::Tag { inner, after: after.get(1..).unwrap_or_default() };
            }
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    // It never ends: nothing of it is text.
    Markup::Comment("")
}

/// Tells the page of the tag; what follows it.
fn tag<'a>(inner: &str, after: &'a str, page: &mut Page) -> &'a str {
    let (end, inner) = inner.strip_prefix('/').map_or((false, inner), |inner| (true, inner));
    let length = inner.find(|char: char| char.is_whitespace() || char == '/').unwrap_or(inner.len());
    let (name, attributes) = inner.split_at(length);
    let name = name.to_ascii_lowercase();
    if HIDDEN.contains(&name.as_str()) {
        return if end || attributes.ends_with('/') { after } else { behind(&name, after) };
    }
    page.tag(&TagRef { name: &name, end, attributes });
    after
}

/// What follows the end of the element; nothing if it has no end.
fn behind<'a>(name: &str, content: &'a str) -> &'a str {
    let ends = |(start, _): &(usize, &str)| {
        let named = content.get(start + 2..start + 2 + name.len());
        named.is_some_and(|found| found.eq_ignore_ascii_case(name))
    };
    let Some((start, _)) = content.match_indices("</").find(ends) else { return "" };
    content.get(start..).and_then(|tag| tag.split_once('>')).map_or("", |(_, after)| after)
}

impl TagRef<'_> {
    /// The value of the attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut rest = self.attributes.trim_start_matches(|char: char| char.is_whitespace() || char == '/');
        while !rest.is_empty() {
            let end = rest.find(|char: char| char.is_whitespace() || char == '=').unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            let (value, after) = value(after.trim_start());
            if key.eq_ignore_ascii_case(name) {
                return value.map(entities::resolve);
            }
            let next = after.trim_start();
            // Something must have been read, whatever it was.
            rest = if next.len() < rest.len() { next } else { "" };
        }
        None
    }
}

/// The value behind the `=`, if there is one, and the rest.
fn value(text: &str) -> (Option<&str>, &str) {
    let Some(text) = text.strip_prefix('=') else { return (None, text) };
    let text = text.trim_start();
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            let (value, rest) = inner.split_once(quote).unwrap_or((inner, ""));
            return (Some(value), rest);
        }
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (value, rest) = text.split_at(end);
    (Some(value), rest)
}
