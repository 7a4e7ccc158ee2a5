//! `utility.GetEpochTime`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::dates;
use crate::inputs::{Inputs, invalid};
use crate::pure::Pure;
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// The action.
pub(crate) struct GetEpochTime;

impl Pure for GetEpochTime {
    fn describe() -> ActionSpec {
        let date = format!("{} Absent: now.", dates::DATE);
        let zone = "Where a date without a zone is meant, such as `Europe/Zurich`. Absent: UTC.";
        ActionSpec {
            parameters: vec![
                Parameter::new("date_time", "Date and time", InputType::Text, &date),
                dates::unit_parameter("What is counted."),
                dates::zone_parameter("timezone", "Time zone", zone),
            ],
            example_output: json!(1_767_323_045),
            ..super::spec(
                "GetEpochTime",
                "Get epoch time",
                "Counts the seconds since 1970 until now or until a date, in whole numbers.",
            )
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let zone = dates::zone(inputs, "timezone")?.unwrap_or(TimeZone::UTC);
        let instant = match inputs.filled_text("date_time")? {
            Some(_) => dates::read(inputs, "date_time", &zone)?.timestamp(),
            None => Timestamp::from_millisecond(inputs.now.as_millis())
                .map_err(|error| invalid(&format!("the clock of the runner is off: {error}")))?,
        };
        Ok(match inputs.choice("unit")? {
            "milliseconds" => instant.as_nanosecond().div_euclid(1_000_000),
            _ => instant.as_nanosecond().div_euclid(1_000_000_000),
        })
        .map(|count| i64::try_from(count).unwrap_or(i64::MAX).into())
    }
}
