//! Conversions between formats, and other small helpers.

mod base64;
mod csv_to_json;
mod date_format;
mod dates;
mod epoch_to_date;
mod extract_indicators;
mod get_epoch_time;
mod html_to_text;
mod indicators;
mod json_to_csv;
mod json_to_xml;
mod lists;
mod markdown_to_html;
mod timezone;
mod xml_to_json;
mod yaml;

pub(crate) use base64::{DecodeBase64, EncodeBase64};
pub(crate) use csv_to_json::ConvertCsvToJson;
pub(crate) use date_format::ConvertDateFormat;
pub(crate) use epoch_to_date::ConvertEpochToDate;
pub(crate) use extract_indicators::ExtractIndicators;
pub(crate) use get_epoch_time::GetEpochTime;
pub(crate) use html_to_text::ConvertHtmlToText;
pub(crate) use json_to_csv::ConvertJsonToCsv;
pub(crate) use json_to_xml::ConvertJsonToXml;
pub(crate) use lists::{ConvertListToText, ConvertTextToList};
pub(crate) use markdown_to_html::ConvertMarkdownToHtml;
pub(crate) use timezone::ConvertTimezone;
pub(crate) use xml_to_json::ConvertXmlToJson;
pub(crate) use yaml::{ConvertJsonToYaml, ConvertYamlToJson};

use crate::{ActionSpec, InputType, Parameter};

fn spec(name: &str, display_name: &str, description: &str) -> ActionSpec {
    ActionSpec::pure(&format!("utility.{name}"), display_name, "Utility", description)
}

/// The text that is converted.
fn source(name: &str, display_name: &str) -> Parameter {
    Parameter::new(name, display_name, InputType::Textarea, "The text to convert.").required()
}

/// The JSON that is converted.
fn json_source() -> Parameter {
    Parameter::new("json", "JSON", InputType::Json, "What to convert, also as JSON text.").required()
}

/// A checkbox that is ticked, or not.
fn checkbox(name: &str, display_name: &str, description: &str, default: bool) -> Parameter {
    Parameter::new(name, display_name, InputType::Checkbox, description).default(default)
}
