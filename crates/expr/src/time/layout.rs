//! Go's layouts: `2006-01-02 15:04:05`, an example instant that says how others are written and read.

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::{Time, TimeError};

pub(super) const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
pub(super) const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

pub(super) fn format(_layout: &str, zoned: &Zoned) -> String {
    zoned.timestamp().to_string()
}

pub(super) fn parse(_layout: &str, text: &str, _zone: Option<&TimeZone>) -> Result<Time, TimeError> {
    Err(TimeError(format!("invalid date `{text}`")))
}
