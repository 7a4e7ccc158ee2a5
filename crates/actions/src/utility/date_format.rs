//! `utility.ConvertDateFormat`.

use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::dates;
use crate::inputs::Inputs;
use crate::pure::Pure;
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// The action.
pub(crate) struct ConvertDateFormat;

impl Pure for ConvertDateFormat {
    fn describe() -> ActionSpec {
        let input = "How the date is written: a pattern with the signs of strftime, such as `%d/%m/%Y`. Absent: \
                     it is recognised.";
        let zone = "The zone of a date that names none, such as `Europe/Zurich`. Absent: UTC.";
        ActionSpec {
            parameters: vec![
                Parameter::new("date", "Date", InputType::Text, dates::DATE).required(),
                Parameter::new("input_format", "Input format", InputType::Text, input),
                Parameter::new("output_format", "Output format", InputType::Text, dates::FORMATS)
                    .default("RFC 3339"),
                dates::zone_parameter("timezone", "Time zone", zone),
            ],
            example_output: json!("02.01.2026"),
            ..super::spec("ConvertDateFormat", "Convert date format", "Writes a date in another way.")
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let zone = dates::zone(inputs, "timezone")?.unwrap_or(TimeZone::UTC);
        let date = dates::read_as(inputs, "date", "input_format", &zone)?;
        dates::write(inputs, "output_format", &date)
    }
}
