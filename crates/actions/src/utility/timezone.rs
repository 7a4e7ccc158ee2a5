//! `utility.ConvertTimezone`.

use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::dates;
use crate::inputs::{Inputs, invalid};
use crate::pure::Pure;
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// The action.
pub(crate) struct ConvertTimezone;

impl Pure for ConvertTimezone {
    fn describe() -> ActionSpec {
        let from = "The zone of a date that names none. Absent: UTC.";
        let to = "The zone of the output: `Europe/Zurich`, `UTC`, `+02:00`.";
        ActionSpec {
            parameters: vec![
                Parameter::new("date", "Date", InputType::Text, dates::DATE).required(),
                dates::zone_parameter("from_timezone", "From time zone", from),
                dates::zone_parameter("to_timezone", "To time zone", to).required(),
                Parameter::new("output_format", "Output format", InputType::Text, dates::FORMATS)
                    .default("RFC 3339"),
            ],
            example_output: json!("2026-01-02T04:04:05+01:00"),
            ..super::spec(
                "ConvertTimezone",
                "Convert time zone",
                "Writes a date as it is in another time zone.",
            )
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let from = dates::zone(inputs, "from_timezone")?.unwrap_or(TimeZone::UTC);
        let to = dates::zone(inputs, "to_timezone")?;
        let to = to.ok_or_else(|| invalid("input `to_timezone` is missing"))?;
        let date = dates::read(inputs, "date", &from)?.with_time_zone(to);
        dates::write(inputs, "output_format", &date)
    }
}
