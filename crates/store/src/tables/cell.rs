//! What a field's value may be: from the JSON that somebody wrote to the JSON that is kept, or why it cannot be.

use serde_json::{Number, Value as Json};
use types::RecordId;

use super::{Attributes, FieldType, TableField};

/// Characters of a text.
pub const TEXT_CHARS_MAX: usize = 10_000;
/// Characters of a long text.
pub const LONG_TEXT_CHARS_MAX: usize = 1_000_000;
/// Bytes of a text that is unique or indexed: what PostgreSQL's indexes take, with a margin.
pub const UNIQUE_TEXT_BYTES_MAX: usize = 2_000;
/// Values of a list.
pub const LIST_VALUES_MAX: usize = 1_000;
/// The largest whole number that a number holds exactly; beyond it whole numbers would be changed without a word.
pub const NUMBER_WHOLE_MAX: i64 = 1 << 53;
/// The levels of risk, where a field names none of its own.
const RISK_LEVELS: [&str; 5] = ["informational", "low", "medium", "high", "critical"];

impl TableField {
    /// The value as it is kept; null if it says nothing. The error completes "field `x` ...". A text is also taken for
    /// a number, a truth value, an instant or (as JSON) a list, as it comes from forms and files.
    pub fn check(&self, value: &Json) -> Result<Json, String> {
        check(self.field_type, &self.attributes, value)
    }
}

fn check(kind: FieldType, attributes: &Attributes, value: &Json) -> Result<Json, String> {
    let is_text = matches!(kind, FieldType::Text | FieldType::LongText);
    if value.is_null() || (!is_text && value.as_str().is_some_and(|text| text.trim().is_empty())) {
        return Ok(Json::Null);
    }
    match kind {
        FieldType::Text | FieldType::User | FieldType::Vendor => {
            let text = text(value, TEXT_CHARS_MAX)?;
            is_short_enough(text, attributes)?;
            Ok(text.into())
        }
        FieldType::LongText => text(value, LONG_TEXT_CHARS_MAX).map(Json::from),
        FieldType::Number => number(value),
        FieldType::Duration => match whole(value)? {
            length if length < 0 => Err(format!("takes milliseconds from 0, not `{length}`")),
            length => Ok(length.into()),
        },
        FieldType::Date | FieldType::Sla => whole(value).map(Json::from),
        FieldType::Checkbox => match value {
            Json::Bool(truth) => Ok((*truth).into()),
            Json::String(text) if text.trim().eq_ignore_ascii_case("true") => Ok(true.into()),
            Json::String(text) if text.trim().eq_ignore_ascii_case("false") => Ok(false.into()),
            other => Err(format!("takes true or false, not {}", shown(other))),
        },
        FieldType::SingleSelect | FieldType::Status | FieldType::RiskLevel => {
            let text = text(value, TEXT_CHARS_MAX)?;
            is_option(kind, attributes, text)?;
            is_short_enough(text, attributes)?;
            Ok(text.into())
        }
        FieldType::MultiSelect | FieldType::List | FieldType::Vendors => list(kind, attributes, value),
        FieldType::Reference => {
            let id = text(value, TEXT_CHARS_MAX)?.parse::<RecordId>();
            id.map(|id| id.to_string().into()).map_err(|error| format!("takes the id of a record: {error}"))
        }
        FieldType::Button => Err("is a button, which holds no value".to_owned()),
        FieldType::Attachment => {
            Err("is a file: `PUT /table/{table}/{id}/{field}/file` writes it, and null removes it".to_owned())
        }
    }
}

fn text(value: &Json, chars_max: usize) -> Result<&str, String> {
    let text = value.as_str().ok_or_else(|| format!("takes text, not {}", shown(value)))?;
    if text.contains('\0') {
        return Err("takes no text with a zero character".to_owned());
    }
    let chars = text.chars().count();
    if chars > chars_max {
        return Err(format!("takes at most {chars_max} characters, not {chars}"));
    }
    Ok(text)
}

fn is_short_enough(text: &str, attributes: &Attributes) -> Result<(), String> {
    if (attributes.is_unique || attributes.indexed) && text.len() > UNIQUE_TEXT_BYTES_MAX {
        let bytes = text.len();
        return Err(format!(
            "is unique or indexed and takes at most {UNIQUE_TEXT_BYTES_MAX} bytes, not {bytes}"
        ));
    }
    Ok(())
}

fn is_option(kind: FieldType, attributes: &Attributes, text: &str) -> Result<(), String> {
    let own: Vec<&str> = attributes.options.iter().map(String::as_str).collect();
    let options: &[&str] = match kind {
        FieldType::RiskLevel if own.is_empty() => &RISK_LEVELS,
        FieldType::Status if own.is_empty() => return Ok(()),
        _ => &own,
    };
    if options.contains(&text) {
        return Ok(());
    }
    Err(format!("takes one of its options, not {}", shown(&text.into())))
}

fn list(kind: FieldType, attributes: &Attributes, value: &Json) -> Result<Json, String> {
    let refused = || format!("takes a list of texts, not {}", shown(value));
    let written = value.as_str().map(serde_json::from_str::<Json>).transpose().map_err(|_| refused())?;
    let value = written.as_ref().unwrap_or(value);
    let values = value.as_array().ok_or_else(refused)?;
    if values.len() > LIST_VALUES_MAX {
        return Err(format!("takes at most {LIST_VALUES_MAX} values, not {}", values.len()));
    }
    for value in values {
        let text = text(value, TEXT_CHARS_MAX)?;
        if kind == FieldType::MultiSelect {
            is_option(kind, attributes, text)?;
        }
    }
    Ok(value.clone())
}

fn number(value: &Json) -> Result<Json, String> {
    let refused = || format!("takes a number, not {}", shown(value));
    let written = match value {
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.trim().to_owned(),
        _ => return Err(refused()),
    };
    if let Ok(whole) = written.parse::<i128>()
        && whole.unsigned_abs() > NUMBER_WHOLE_MAX.unsigned_abs().into()
    {
        return Err(format!("takes whole numbers up to {NUMBER_WHOLE_MAX}, not {}", shown(value)));
    }
    let number: f64 = written.parse().map_err(|_| refused())?;
    // Zero has one sign: a negative one would be equal and look different.
    Number::from_f64(number + 0.0).map(Json::Number).ok_or_else(refused)
}

fn whole(value: &Json) -> Result<i64, String> {
    let whole = match value {
        Json::Number(number) => number.as_i64(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    whole.ok_or_else(|| format!("takes a whole number of milliseconds, not {}", shown(value)))
}

/// A value as an error shows it.
fn shown(value: &Json) -> String {
    let text = value.to_string();
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("`{short}...`") } else { format!("`{text}`") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(kind: FieldType, options: &[&str], value: &Json) -> Result<Json, String> {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        check(kind, &Attributes { options, ..Attributes::default() }, value)
    }

    #[test]
    fn a_value_is_taken_as_its_type_has_it() {
        let check = |kind, value: Json, kept: Json| assert_eq!(checked(kind, &["a", "b"], &value), Ok(kept));
        check(FieldType::Text, json!(""), json!(""));
        check(FieldType::Number, json!(" 1.5 "), json!(1.5));
        check(FieldType::Number, json!(2), json!(2.0));
        check(FieldType::Number, json!(-0.0), json!(0.0));
        check(FieldType::Number, json!(""), json!(null));
        check(FieldType::Duration, json!("60000"), json!(60_000));
        check(FieldType::Checkbox, json!("True"), json!(true));
        check(FieldType::SingleSelect, json!("a"), json!("a"));
        check(FieldType::MultiSelect, json!(["a", "b"]), json!(["a", "b"]));
        check(FieldType::List, json!(r#"["a", "c"]"#), json!(["a", "c"]));
        check(FieldType::Date, json!(-1), json!(-1));
        check(FieldType::Button, json!(null), json!(null));
        assert_eq!(checked(FieldType::RiskLevel, &[], &json!("high")), Ok(json!("high")));
        assert_eq!(checked(FieldType::Status, &[], &json!("open")), Ok(json!("open")));
    }

    #[test]
    fn a_value_that_does_not_fit_is_told_why() {
        let check =
            |kind, value: Json, why: &str| assert_eq!(checked(kind, &["a"], &value), Err(why.to_owned()));
        check(FieldType::Text, json!(5), "takes text, not `5`");
        check(FieldType::Text, json!("\0"), "takes no text with a zero character");
        check(FieldType::Number, json!("NaN"), "takes a number, not `\"NaN\"`");
        check(
            FieldType::Number,
            json!(NUMBER_WHOLE_MAX + 1),
            "takes whole numbers up to 9007199254740992, not `9007199254740993`",
        );
        check(FieldType::Duration, json!(-1), "takes milliseconds from 0, not `-1`");
        check(FieldType::Date, json!(1.5), "takes a whole number of milliseconds, not `1.5`");
        check(FieldType::Checkbox, json!("yes"), "takes true or false, not `\"yes\"`");
        check(FieldType::SingleSelect, json!("c"), "takes one of its options, not `\"c\"`");
        check(FieldType::MultiSelect, json!(["a", "c"]), "takes one of its options, not `\"c\"`");
        check(FieldType::List, json!("a"), "takes a list of texts, not `\"a\"`");
        check(FieldType::List, json!("[1]"), "takes text, not `1`");
        check(FieldType::Button, json!("a"), "is a button, which holds no value");
    }

    #[test]
    fn every_bound_of_a_value_is_met_and_not_passed() {
        let text = |chars| json!("é".repeat(chars));
        assert!(checked(FieldType::Text, &[], &text(TEXT_CHARS_MAX)).is_ok());
        assert!(checked(FieldType::Text, &[], &text(TEXT_CHARS_MAX + 1)).is_err());
        assert!(checked(FieldType::LongText, &[], &text(LONG_TEXT_CHARS_MAX)).is_ok());
        assert!(checked(FieldType::LongText, &[], &text(LONG_TEXT_CHARS_MAX + 1)).is_err());
        assert!(checked(FieldType::List, &[], &json!(vec!["x"; LIST_VALUES_MAX])).is_ok());
        assert!(checked(FieldType::List, &[], &json!(vec!["x"; LIST_VALUES_MAX + 1])).is_err());
        assert!(checked(FieldType::Number, &[], &json!(-NUMBER_WHOLE_MAX)).is_ok());
        let unique = Attributes { is_unique: true, ..Attributes::default() };
        assert!(check(FieldType::Text, &unique, &json!("x".repeat(UNIQUE_TEXT_BYTES_MAX))).is_ok());
        assert!(check(FieldType::Text, &unique, &json!("x".repeat(UNIQUE_TEXT_BYTES_MAX + 1))).is_err());
    }
}
