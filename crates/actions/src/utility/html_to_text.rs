//! `utility.ConvertHTMLToText`.

use serde_json::{Value as Json, json};

use self::page::Page;
use crate::inputs::Inputs;
use crate::pure::{Pure, bounded};
use crate::{ActionError, ActionSpec};

mod entities;
mod page;
mod tags;

/// The action.
pub(crate) struct ConvertHtmlToText;

impl Pure for ConvertHtmlToText {
    fn describe() -> ActionSpec {
        let links = "Writes the target of a link in parentheses after its text.";
        let description = "Takes the text out of HTML: paragraphs and line breaks stay, entries of lists begin with \
                           `- `, scripts and styles are left out.";
        ActionSpec {
            parameters: vec![
                super::source("html", "HTML"),
                super::checkbox("include_links", "Include links", links, false),
            ],
            example_output: json!("Dear customer\n\nYour invoice is ready."),
            ..super::spec("ConvertHTMLToText", "HTML to text", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let mut page = Page::new(inputs.flag("include_links")?);
        tags::read(&inputs.text("html")?, &mut page);
        bounded(page.finish().into())
    }
}
