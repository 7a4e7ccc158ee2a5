//! `utility.ConvertEpochToDate`.

use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::dates;
use crate::inputs::Inputs;
use crate::pure::Pure;
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// The action.
pub(crate) struct ConvertEpochToDate;

impl Pure for ConvertEpochToDate {
    fn describe() -> ActionSpec {
        let zone = "The zone of the date, such as `Europe/Zurich`. Absent: UTC.";
        ActionSpec {
            parameters: vec![
                Parameter::new("epoch", "Epoch", InputType::Number, "The count since 1970.").required(),
                dates::unit_parameter("What is counted."),
                dates::zone_parameter("timezone", "Time zone", zone),
                Parameter::new("format", "Format", InputType::Text, dates::FORMATS).default("RFC 3339"),
            ],
            example_output: json!("2026-01-02T03:04:05Z"),
            ..super::spec("ConvertEpochToDate", "Epoch to date", "Writes a count since 1970 as a date.")
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let zone = dates::zone(inputs, "timezone")?.unwrap_or(TimeZone::UTC);
        let instant = dates::from_epoch("epoch", &inputs.text("epoch")?, inputs.choice("unit")?)?;
        dates::write(inputs, "format", &instant.to_zoned(zone))
    }
}
