//! `utility.ConvertMarkdownToHTML`.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};
use serde_json::{Value as Json, json};

use crate::inputs::{Inputs, invalid};
use crate::pure::{Draft, Pure, too_large};
use crate::{ActionError, ActionSpec};

/// Bytes of a text: some take the square of their length.
const MARKDOWN_BYTES_MAX: usize = 1024 * 1024;

/// Where a link may lead.
const SCHEMES: [&str; 5] = ["http", "https", "mailto", "ftp", "tel"];

/// The action.
pub(crate) struct ConvertMarkdownToHtml;

impl Pure for ConvertMarkdownToHtml {
    fn describe() -> ActionSpec {
        let description = "Writes Markdown (CommonMark, with tables, task lists and strikethrough) as HTML. HTML \
                           within it is shown as text, and links lead to `http`, `https`, `mailto`, `ftp`, `tel` or \
                           nowhere. At most 1048576 bytes.";
        ActionSpec {
            parameters: vec![super::source("markdown", "Markdown")],
            example_output: json!("<p>Host <strong>web-1</strong></p>\n"),
            ..super::spec("ConvertMarkdownToHTML", "Markdown to HTML", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let text = inputs.text("markdown")?;
        if text.len() > MARKDOWN_BYTES_MAX {
            return Err(invalid(&format!("input `markdown` has more than {MARKDOWN_BYTES_MAX} bytes")));
        }
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
        let mut draft = Draft::default();
        let written = html::write_html_fmt(&mut draft, Parser::new_ext(&text, options).map(harmless));
        written.map_err(|_| too_large())?;
        Ok(draft.finish())
    }
}

/// The same without anything that a browser would carry out.
fn harmless(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: target(dest_url), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: target(dest_url), title, id })
        }
        event => event,
    }
}

/// The address, empty if its scheme is not one of the harmless ones. What a browser leaves out of a scheme counts as
/// left out.
fn target(url: CowStr<'_>) -> CowStr<'_> {
    let plain: String = url.chars().filter(|char| !char.is_whitespace() && !char.is_control()).collect();
    let scheme = match plain.find([':', '/', '?', '#']) {
        Some(end) if plain[end..].starts_with(':') => &plain[..end],
        _ => return url,
    };
    if SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)) { url } else { CowStr::from("") }
}
