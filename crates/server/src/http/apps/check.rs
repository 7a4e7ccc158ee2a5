//! What a resource of an app may be: its kind, its place on the grid, the words of its attributes. Whether its table has
//! the columns that it names is found out when its data is asked for.

use serde_json::{Map, Value, json};

use super::model::ResourceInput;
use crate::error::{ApiError, ApiResult, code};
use crate::http::excerpt;

/// Columns of the grid.
const COLUMNS: i64 = 12;
/// Rows of the grid that a resource may begin at or cover.
const ROWS_MAX: i64 = 10_000;
/// Bytes of a text or of HTML.
pub(super) const TEXT_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Bytes of the other attributes together, as JSON.
const ATTRIBUTES_BYTES_MAX: usize = 256 * 1024;
/// Characters of a title.
const TITLE_CHARS_MAX: usize = 500;

/// The kinds of resources, each with its usual width and height.
const KINDS: [(&str, i64, i64); 6] = [
    ("table", 6, 3),
    ("table_data", 6, 3),
    ("filter", 2, 2),
    ("textbox", 2, 2),
    ("flow", 6, 4),
    ("html", 6, 4),
];
/// Attributes of `table_data` that are words of a list; the empty text is as good as none.
const WORDS: [(&str, &[&str]); 9] = [
    ("type", &["number", "chart"]),
    ("chart_type", &["pie", "doughnut", "line", "bar", "scatter"]),
    ("aggregation_function", &["count", "avg", "min", "max", "median", "sum"]),
    (
        "date_bucket",
        &[
            "minutes_of_the_day",
            "hour_of_the_day",
            "day_of_the_week",
            "month_of_the_year",
            "quarter_of_the_year",
            "hour",
            "day",
            "week",
            "month",
            "quarter",
            "year",
        ],
    ),
    ("sort_by", &["x-ascending", "x-descending", "y-ascending", "y-descending"]),
    ("user_count", &["distinct_count", "aggregated_view"]),
    ("group_by_user_count", &["distinct_count", "aggregated_view"]),
    ("format", &["percentage", "currency"]),
    ("symbol", &[]),
];
const PALETTES: [&str; 5] = ["Blink", "Sunny", "Autumn", "Dawn", "Access"];
const FLAGS: [&str; 4] =
    ["include_empty_values", "show_legend_title", "show_primary_axis_label", "show_secondary_axis_label"];
const TEXTS: [&str; 7] = [
    "table_name",
    "column",
    "aggregation_column",
    "group_by_column",
    "legend_title",
    "primary_axis_label",
    "secondary_axis_label",
];

/// Refuses a member of an app or a resource.
pub(super) fn invalid(member: &str, problem: impl Into<String>) -> ApiError {
    let problem = problem.into();
    let fields: Map<String, Value> =
        [(member.to_owned(), Value::from(problem.clone()))].into_iter().collect();
    ApiError::new(&code::APP_INVALID, format!("`{member}` {problem}")).with_user_error("fields", fields)
}

/// Checks everything of the resource that can be checked without its table.
///
/// # Errors
/// `app_invalid` with the member that cannot be so.
pub(super) fn check(input: &ResourceInput) -> ApiResult<()> {
    if !KINDS.iter().any(|(kind, ..)| *kind == input.kind) {
        let known = KINDS.map(|(kind, ..)| kind).join(", ");
        return Err(invalid("type", format!("is `{}`; known are {known}", excerpt(&input.kind))));
    }
    let attributes = &input.attributes;
    let title = attributes.get("name").and_then(Value::as_str).unwrap_or_default();
    if title.trim().is_empty() {
        return Err(invalid("attributes.name", "is missing: a resource needs a title"));
    }
    let chars = title.chars().count();
    if chars > TITLE_CHARS_MAX {
        return Err(invalid("attributes.name", format!("has {chars} characters; at most {TITLE_CHARS_MAX}")));
    }
    check_size(input)?;
    match input.kind.as_str() {
        "table_data" => check_table_data(attributes),
        "textbox" => check_text(attributes, "text"),
        "html" => check_text(attributes, "html_content"),
        "flow" => ["input", "output"].iter().try_for_each(|name| check_object(attributes, name)),
        _ => Ok(()),
    }
}

fn check_size(input: &ResourceInput) -> ApiResult<()> {
    let mut rest = input.attributes.clone();
    let text = if input.kind == "textbox" { "text" } else { "html_content" };
    rest.remove(text);
    let stored = Value::Object(rest).to_string();
    if stored.len() > ATTRIBUTES_BYTES_MAX {
        return Err(invalid("attributes", format!("has more than {ATTRIBUTES_BYTES_MAX} bytes as JSON")));
    }
    // PostgreSQL cannot hold the character 0, which JSON writes out.
    if stored.contains("\\u0000") {
        return Err(invalid("attributes", "holds a zero character"));
    }
    Ok(())
}

fn check_text(attributes: &Map<String, Value>, name: &str) -> ApiResult<()> {
    let member = format!("attributes.{name}");
    match attributes.get(name) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(text)) if text.len() > TEXT_BYTES_MAX => {
            Err(invalid(&member, format!("has {} bytes; at most {TEXT_BYTES_MAX}", text.len())))
        }
        Some(Value::String(text)) if text.contains('\0') => Err(invalid(&member, "holds a zero character")),
        Some(Value::String(_)) => Ok(()),
        Some(other) => Err(invalid(&member, format!("is {}; it is a text", excerpt(&other.to_string())))),
    }
}

fn check_object(attributes: &Map<String, Value>, name: &str) -> ApiResult<()> {
    match attributes.get(name) {
        None | Some(Value::Null | Value::Object(_)) => Ok(()),
        Some(other) => {
            let message = format!("is {}; it is an object", excerpt(&other.to_string()));
            Err(invalid(&format!("attributes.{name}"), message))
        }
    }
}

fn check_table_data(attributes: &Map<String, Value>) -> ApiResult<()> {
    for (name, words) in WORDS {
        check_word(attributes, name, words)?;
    }
    let text = |name: &str| attributes.get(name).and_then(Value::as_str).unwrap_or_default();
    match (text("type"), text("chart_type")) {
        ("", _) => return Err(invalid("attributes.type", "is missing: it is number or chart")),
        ("chart", "") => return Err(invalid("attributes.chart_type", "is missing: a chart needs one")),
        _ => {}
    }
    for name in FLAGS {
        if let Some(other) = present(attributes, name).filter(|value| !value.is_boolean()) {
            let message = format!("is {}; it is true or false", excerpt(&other.to_string()));
            return Err(invalid(&format!("attributes.{name}"), message));
        }
    }
    for name in TEXTS {
        if let Some(other) = present(attributes, name).filter(|value| !value.is_string()) {
            let message = format!("is {}; it is a text", excerpt(&other.to_string()));
            return Err(invalid(&format!("attributes.{name}"), message));
        }
    }
    if present(attributes, "limit").is_some() && limit_of(attributes).is_none() {
        let value = attributes.get("limit").map(ToString::to_string).unwrap_or_default();
        return Err(invalid(
            "attributes.limit",
            format!("is {}; it is a whole number from 1", excerpt(&value)),
        ));
    }
    check_palette(attributes)
}

/// The attribute `limit`: a number, or one in digits.
pub(super) fn limit_of(attributes: &Map<String, Value>) -> Option<u64> {
    let limit = match attributes.get("limit")? {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) => digits.trim().parse().ok(),
        _ => None,
    };
    limit.filter(|limit| *limit > 0)
}

fn check_word(attributes: &Map<String, Value>, name: &str, words: &[&str]) -> ApiResult<()> {
    let Some(value) = present(attributes, name) else { return Ok(()) };
    let known = value.as_str().is_some_and(|word| words.is_empty() || words.contains(&word));
    if known {
        return Ok(());
    }
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let what =
        if words.is_empty() { "it is a text".to_owned() } else { format!("known are {}", words.join(", ")) };
    Err(invalid(&format!("attributes.{name}"), format!("is `{}`; {what}", excerpt(&shown))))
}

fn check_palette(attributes: &Map<String, Value>) -> ApiResult<()> {
    let Some(palette) = present(attributes, "palette") else { return Ok(()) };
    let name = palette.get("name").and_then(Value::as_str).unwrap_or_default();
    if !PALETTES.contains(&name) {
        let message = format!("is `{}`; known are {}", excerpt(name), PALETTES.join(", "));
        return Err(invalid("attributes.palette.name", message));
    }
    match palette.get("colorIndex") {
        None | Some(Value::Null) => Ok(()),
        Some(index) if index.as_u64().is_some() => Ok(()),
        Some(other) => {
            let message = format!("is {}; it is a whole number from 0", excerpt(&other.to_string()));
            Err(invalid("attributes.palette.colorIndex", message))
        }
    }
}

/// An attribute that says something: neither null nor the empty text.
pub(super) fn present<'a>(attributes: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    attributes.get(name).filter(|value| !value.is_null() && *value != "")
}

/// Where the resource lies, as it was sent; in the upper left corner and in its usual size if nothing was said.
///
/// # Errors
/// `app_invalid` if it does not lie on the grid.
pub(super) fn display_config(input: &ResourceInput) -> ApiResult<Value> {
    let Some(config) = &input.display_config else {
        let (_, width, height) =
            KINDS.into_iter().find(|(kind, ..)| *kind == input.kind).unwrap_or(("", 6, 3));
        return Ok(json!({"width": width, "height": height, "position": {"x": 1, "y": 1}}));
    };
    let whole = Value::Object(config.clone());
    let number = |member: &str, most: i64| {
        let pointer = format!("/{}", member.replace('.', "/"));
        let value = whole.pointer(&pointer);
        value.and_then(Value::as_i64).filter(|number| (1..=most).contains(number)).ok_or_else(|| {
            let shown = value.map_or_else(|| "missing".to_owned(), Value::to_string);
            let message = format!("is {}; it is a whole number from 1 to {most}", excerpt(&shown));
            invalid(&format!("display_config.{member}"), message)
        })
    };
    let (width, x) = (number("width", COLUMNS)?, number("position.x", COLUMNS)?);
    number("height", ROWS_MAX)?;
    number("position.y", ROWS_MAX)?;
    if x + width - 1 > COLUMNS {
        let message = format!("is {width}, which from column {x} on is beyond the {COLUMNS} columns");
        return Err(invalid("display_config.width", message));
    }
    if whole.to_string().len() > ATTRIBUTES_BYTES_MAX {
        return Err(invalid("display_config", format!("has more than {ATTRIBUTES_BYTES_MAX} bytes as JSON")));
    }
    Ok(whole)
}
