//! Reading and writing points in time, as all date actions do.

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::fmt::temporal::Pieces;
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned};
use serde_json::Value as Json;

use crate::inputs::{Inputs, invalid, shown};
use crate::{ActionError, InputType, Parameter};

/// Characters of a date and of a pattern.
const TEXT_CHARS_MAX: usize = 1000;
/// From so much on a number is milliseconds since the epoch, not seconds: in seconds it is the year 5138.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// Zones that are compiled in: no file is read, and every machine answers the same.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// What forms say about a way to write dates.
pub(super) const FORMATS: &str = "`RFC 3339`, `RFC 2822`, `epoch seconds`, `epoch milliseconds`, or a pattern with \
                                  the signs of strftime, such as `%Y-%m-%d %H:%M`.";
/// What forms say about a date.
pub(super) const DATE: &str = "A date with or without time, such as `2026-01-02T03:04:05Z`, `2026-01-02` or \
                               `Fri, 2 Jan 2026 03:04:05 +0000`, or a number of seconds or milliseconds since 1970.";

pub(super) fn unit_parameter(description: &str) -> Parameter {
    Parameter::new("unit", "Unit", InputType::SingleSelect, description)
        .options(&["seconds", "milliseconds"])
        .default("seconds")
}

pub(super) fn zone_parameter(name: &str, display_name: &str, description: &str) -> Parameter {
    Parameter::new(name, display_name, InputType::Text, description)
}

/// The zone that the input names, if it is given.
pub(super) fn zone(inputs: &Inputs<'_>, name: &str) -> Result<Option<TimeZone>, ActionError> {
    let Some(given) = inputs.filled_text(name)? else { return Ok(None) };
    let text = given.trim();
    let offset = || BrokenDownTime::parse("%:z", text).or_else(|_| BrokenDownTime::parse("%z", text));
    if text.eq_ignore_ascii_case("utc") || text == "Z" {
        return Ok(Some(TimeZone::UTC));
    }
    if let Ok(zone) = ZONES.get(text) {
        return Ok(Some(zone));
    }
    let fixed = offset().ok().and_then(|time| time.offset()).map(TimeZone::fixed);
    fixed.map(Some).ok_or_else(|| {
        let text = shown(text);
        invalid(&format!(
            "input `{name}` must be a time zone such as `Europe/Zurich`, `UTC` or `+02:00`, not `{text}`"
        ))
    })
}

/// Reads the date of the input; one without a zone is in `zone`.
pub(super) fn read(inputs: &Inputs<'_>, name: &str, zone: &TimeZone) -> Result<Zoned, ActionError> {
    let text = bounded(name, inputs.text(name)?.trim())?;
    let found = epoch(&text, zone).or_else(|| iso(&text, zone)).or_else(|| rfc2822::parse(&text).ok());
    found.ok_or_else(|| not_a_date(name, &text, "write it as `2026-01-02T03:04:05Z`"))
}

/// Reads the date of the input by a pattern; by no pattern as [`read`] does.
pub(super) fn read_as(
    inputs: &Inputs<'_>,
    name: &str,
    pattern_name: &str,
    zone: &TimeZone,
) -> Result<Zoned, ActionError> {
    let Some(pattern) = inputs.filled_text(pattern_name)? else { return read(inputs, name, zone) };
    let pattern = bounded(pattern_name, pattern.trim())?;
    if !pattern.contains('%') {
        checked_format(pattern_name, &pattern)?;
        return read(inputs, name, zone);
    }
    let text = bounded(name, inputs.text(name)?.trim())?;
    let time = BrokenDownTime::parse(&pattern, &text);
    let time = time.map_err(|error| not_a_date(name, &text, &error.to_string()))?;
    let civil = || {
        let date = time.to_date().ok()?;
        let time = time.to_time().unwrap_or_default();
        DateTime::from_parts(date, time).to_zoned(zone.clone()).ok()
    };
    let instant = || time.to_timestamp().ok().map(|instant| instant.to_zoned(zone.clone()));
    let zoned = time.to_zoned().ok().or_else(instant).or_else(civil);
    zoned.ok_or_else(|| not_a_date(name, &text, &format!("the pattern `{}` gives no date", shown(&pattern))))
}

/// The date of a number of units since the epoch.
pub(super) fn from_epoch(name: &str, text: &str, unit: &str) -> Result<Timestamp, ActionError> {
    let per_second = if unit == "milliseconds" { 1e3 } else { 1.0 };
    let text = text.trim();
    let instant = match text.parse::<i64>() {
        Ok(number) if unit == "milliseconds" => Timestamp::from_millisecond(number).ok(),
        Ok(number) => Timestamp::from_second(number).ok(),
        Err(_) => text.parse::<f64>().ok().and_then(|number| {
            let duration = jiff::SignedDuration::try_from_secs_f64(number / per_second).ok()?;
            Timestamp::from_duration(duration).ok()
        }),
    };
    instant.ok_or_else(|| {
        let text = shown(text);
        invalid(&format!(
            "input `{name}` must be a number of {unit} since 1970 up to the year 9999, not `{text}`"
        ))
    })
}

/// The text of the date in the format that the input names; RFC 3339 by default.
pub(super) fn write(inputs: &Inputs<'_>, format_name: &str, date: &Zoned) -> Result<Json, ActionError> {
    let format = inputs.filled_text(format_name)?;
    let format = format.as_deref().map_or("RFC 3339", str::trim);
    let format = bounded(format_name, format)?;
    if format.contains('%') {
        let written = strtime::format(&format, date);
        return written.map(Json::from).map_err(|error| {
            invalid(&format!("input `{format_name}` is no pattern for dates: `{}`: {error}", shown(&format)))
        });
    }
    let unwritable = |error: jiff::Error| invalid(&format!("the date cannot be written so: {error}"));
    Ok(match checked_format(format_name, &format)? {
        Format::Rfc3339 => rfc3339(date).into(),
        Format::Rfc2822 => rfc2822::to_string(date).map_err(unwritable)?.into(),
        Format::Seconds => date.timestamp().as_second().into(),
        Format::Milliseconds => date.timestamp().as_millisecond().into(),
    })
}

/// `2026-01-02T03:04:05Z`, with as much of a fraction as there is.
pub(super) fn rfc3339(date: &Zoned) -> String {
    if date.offset().is_zero() {
        date.timestamp().to_string()
    } else {
        date.strftime("%FT%T%.f%:z").to_string()
    }
}

enum Format {
    Rfc3339,
    Rfc2822,
    Seconds,
    Milliseconds,
}

fn checked_format(name: &str, format: &str) -> Result<Format, ActionError> {
    let plain: String = format.chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.to_ascii_lowercase().as_str() {
        "rfc3339" | "iso8601" => Ok(Format::Rfc3339),
        "rfc2822" => Ok(Format::Rfc2822),
        "epoch" | "epochseconds" | "seconds" => Ok(Format::Seconds),
        "epochmilliseconds" | "milliseconds" => Ok(Format::Milliseconds),
        _ => Err(invalid(&format!("input `{name}` must be {FORMATS} It is `{}`", shown(format)))),
    }
}

/// A number of seconds or milliseconds since the epoch.
fn epoch(text: &str, zone: &TimeZone) -> Option<Zoned> {
    let number: f64 = text.parse().ok()?;
    let unit = if number.abs() >= MILLISECONDS_FROM as f64 { "milliseconds" } else { "seconds" };
    Some(from_epoch("", text, unit).ok()?.to_zoned(zone.clone()))
}

/// RFC 3339, RFC 9557 and what ISO 8601 allows besides.
fn iso(text: &str, zone: &TimeZone) -> Option<Zoned> {
    let pieces = Pieces::parse(text).ok()?;
    let zone = match pieces.to_time_zone_with(&ZONES).ok()? {
        Some(named) => named,
        None => match pieces.to_numeric_offset() {
            Some(offset) if offset.is_zero() => TimeZone::UTC,
            Some(offset) => TimeZone::fixed(offset),
            None => zone.clone(),
        },
    };
    DateTime::from_parts(pieces.date(), pieces.time().unwrap_or_default()).to_zoned(zone).ok()
}

fn bounded(name: &str, text: &str) -> Result<String, ActionError> {
    if text.chars().nth(TEXT_CHARS_MAX).is_some() {
        return Err(invalid(&format!("input `{name}` has more than {TEXT_CHARS_MAX} characters")));
    }
    Ok(text.to_owned())
}

fn not_a_date(name: &str, text: &str, why: &str) -> ActionError {
    invalid(&format!("input `{name}` is no date that can be read: `{}`; {why}", shown(text)))
}
