//! `utility.ExtractIndicators`.

use indexmap::IndexSet;
use serde_json::{Value as Json, json};

use super::indicators;
use crate::inputs::{Inputs, scalar};
use crate::pure::{LIST_ITEMS_MAX, Pure, too_many_items};
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// The action.
pub(crate) struct ExtractIndicators;

impl Pure for ExtractIndicators {
    fn describe() -> ActionSpec {
        let description = "Finds addresses, host names, links, mail addresses, digests and CVE numbers in a text, \
                           also defanged ones (`hxxp`, `[.]`). Each is listed once, in the order in which it \
                           appears.";
        ActionSpec {
            parameters: vec![
                Parameter::new(
                    "text",
                    "Text",
                    InputType::Textarea,
                    "A text, or a list or map whose texts are searched.",
                )
                .required(),
            ],
            example_output: json!({
                "ips": ["203.0.113.9"],
                "domains": ["evil.example"],
                "urls": ["https://evil.example/a"],
                "emails": ["ann@b.example"],
                "hashes": ["d41d8cd98f00b204e9800998ecf8427e"],
                "md5": ["d41d8cd98f00b204e9800998ecf8427e"],
                "sha1": [],
                "sha256": [],
                "cves": ["CVE-2021-44228"],
            }),
            ..super::spec("ExtractIndicators", "Extract indicators", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let mut text = String::new();
        gather(&*inputs.json("text")?, &mut text);
        let text = indicators::refang(&text);
        let hashes = once_each(indicators::hashes(&text))?;
        let of_length = |length: usize| -> Vec<&str> {
            hashes.iter().copied().filter(|hash| hash.len() == length).collect()
        };
        Ok(json!({
            "ips": once_each(indicators::ips(&text))?,
            "domains": once_each(indicators::domains(&text))?,
            "urls": once_each(indicators::urls(&text))?,
            "emails": once_each(indicators::emails(&text))?,
            "md5": of_length(32),
            "sha1": of_length(40),
            "sha256": of_length(64),
            "hashes": hashes,
            "cves": once_each(indicators::cves(&text).map(str::to_ascii_uppercase))?,
        }))
    }
}

/// All texts in the value, keys of maps included, each on a line: as JSON, a `\n` before a name would be part of it.
fn gather(value: &Json, lines: &mut String) {
    match value {
        Json::Array(items) => items.iter().for_each(|item| gather(item, lines)),
        Json::Object(map) => {
            for (key, value) in map {
                lines.push_str(key);
                lines.push('\n');
                gather(value, lines);
            }
        }
        value => {
            lines.push_str(&scalar(value).unwrap_or_default());
            lines.push('\n');
        }
    }
}

fn once_each<T: std::hash::Hash + Eq>(found: impl Iterator<Item = T>) -> Result<IndexSet<T>, ActionError> {
    let mut list = IndexSet::new();
    for item in found {
        list.insert(item);
        if list.len() > LIST_ITEMS_MAX {
            return Err(too_many_items());
        }
    }
    Ok(list)
}
