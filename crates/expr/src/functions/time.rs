//! Functions on instants and durations. Where a time is wanted, a text that is one is taken as well, where a
//! duration is wanted, `"24h"`. What `now()` says was handed in with the context.

use jiff::tz::TimeZone;

use super::{Arguments, Function, entry};
use crate::budget::{Budget, Fault};
use crate::time::{self, Duration, Time, TimeError};
use crate::value::Value;

type Outcome = Result<Value, Fault>;

pub(super) const FUNCTIONS: &[Function] = &[
    entry(
        "now",
        "now(zone?) time",
        "The current time, in UTC or in the given zone.",
        ("now() > date(\"2020-01-01\")", "true"),
        (0, 1),
        now,
    ),
    entry("Now", "Now(zone?) time", "The same as `now`.", ("Now() == now()", "true"), (0, 1), now),
    entry(
        "today",
        "today(zone?) time",
        "The current day's midnight, in UTC or in the given zone.",
        ("today().Hour()", "0"),
        (0, 1),
        today,
    ),
    entry(
        "date",
        "date(text, layout?, zone?) time",
        "The time that the text is, in one of the usual forms or by a Go layout.",
        ("date(\"14/02/2026\", \"02/01/2006\")", "date(\"2026-02-14\")"),
        (1, 4),
        date,
    ),
    entry(
        "parse_date",
        "parse_date(text, layout?, zone?) time",
        "The same as `date`.",
        ("parse_date(\"2026-02-14\").Year()", "2026"),
        (1, 4),
        date,
    ),
    entry(
        "duration",
        "duration(text) duration",
        "The duration that the text is, such as `1h30m`.",
        ("duration(\"90m\") == duration(\"1h30m\")", "true"),
        (1, 1),
        |args, _| Ok(args.duration(0)?.into()),
    ),
    entry(
        "timezone",
        "timezone(name) zone",
        "The zone of that name, to be given to `now`, `date` or `.In`.",
        ("date(\"2026-07-01\").In(timezone(\"Europe/Zurich\")).Hour()", "2"),
        (1, 1),
        |args, _| args.zone(0).map(|_| args.value(0).clone()),
    ),
    entry(
        "add",
        "add(time, duration) time",
        "The time that much later.",
        ("add(date(\"2026-01-01\"), \"24h\")", "date(\"2026-01-02\")"),
        (2, 2),
        |args, _| shift(args.time(0)?, args.duration(1)?.as_nanos()),
    ),
    entry(
        "sub",
        "sub(time, duration or time) time or duration",
        "The time that much earlier, or how much later the first time is.",
        ("sub(date(\"2026-01-02\"), \"24h\")", "date(\"2026-01-01\")"),
        (2, 2),
        sub,
    ),
    entry(
        "to_epoch",
        "to_epoch(time) int",
        "Seconds since 1970.",
        ("to_epoch(date(\"2026-01-02T03:04:05Z\"))", "1767323045"),
        (1, 1),
        |args, _| Ok(Value::Int(args.time(0)?.unix_nanos().div_euclid(1_000_000_000) as i64)),
    ),
    entry(
        "from_epoch",
        "from_epoch(seconds) time",
        "The time that many seconds since 1970, in UTC.",
        ("from_epoch(1767323045)", "date(\"2026-01-02T03:04:05Z\")"),
        (1, 1),
        from_epoch,
    ),
    entry(
        "date_format",
        "date_format(layout, time) string",
        "The time by a Go layout.",
        ("date_format(\"2006-01-02\", date(\"2026-01-02T03:04:05Z\"))", "\"2026-01-02\""),
        (2, 2),
        |args, budget| budget.text(args.time(1)?.format(args.text(0)?)),
    ),
];

/// The forms that a time without a layout may have.
const LAYOUTS: [&str; 15] = [
    "2006-01-02",
    "15:04:05",
    "2006-01-02 15:04:05",
    "2006-01-02T15:04:05Z07:00",
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 MST",
    // From here on they are ours: what JSON APIs, mails and logs write as well, and what `string()` makes of a time.
    "2006-01-02T15:04:05",
    "2006-01-02T15:04:05Z0700",
    "2006-01-02 15:04:05Z07:00",
    "2006-01-02 15:04:05 -0700 MST",
    "2006-01-02T15:04",
    "2006-01-02 15:04",
    "Mon, 2 Jan 2006 15:04:05 -0700",
    "2 Jan 2006 15:04:05 -0700",
];

/// The time that the text is in one of the usual forms.
pub(super) fn read(text: &str, zone: Option<&TimeZone>) -> Result<Time, TimeError> {
    LAYOUTS
        .iter()
        .find_map(|layout| Time::parse(layout, text, zone).ok())
        .ok_or_else(|| TimeError(format!("`{text}` is not a time")))
}

fn zoned_now(args: Arguments<'_>, budget: &Budget<'_>) -> Result<Time, Fault> {
    let now = Time::from_timestamp(budget.now);
    Ok(if args.given(0) { now.in_zone(args.zone(0)?) } else { now })
}

fn now(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    Ok(zoned_now(args, budget)?.into())
}

fn today(args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let now = zoned_now(args, budget)?;
    let midnight = now.date().to_zoned(now.zoned().time_zone().clone());
    midnight.map(|zoned| Time::from(zoned).into()).map_err(|_| Fault::value("the time is out of range"))
}

fn date(args: Arguments<'_>, _: &mut Budget<'_>) -> Outcome {
    if let time @ Value::Time(_) = args.value(0) {
        return Ok(time.clone());
    }
    // The zone comes first if it is a `timezone()`, or last; the name of a zone is never a time.
    let first = args.text(0)?;
    let (zone, args) = match time::zone(first) {
        Ok(zone) if args.len() > 1 => (Some(zone), Arguments { values: &args.values[1..], ..args }),
        _ => (None, args),
    };
    let zone = if args.given(2) { Some(args.zone(2)?) } else { zone };
    let text = args.text(0)?;
    let time = match args.given(1) {
        true => Time::parse(args.text(1)?, text, zone.as_ref()),
        false => read(text, zone.as_ref()),
    };
    time.map(Value::Time).map_err(|error| args.invalid(error))
}

pub(super) fn shift(time: Time, nanos: i64) -> Outcome {
    time.add_nanos(nanos).map(Value::Time).ok_or_else(|| Fault::value("the time is out of range"))
}

fn sub(args: Arguments<'_>, _: &mut Budget<'_>) -> Outcome {
    let time = args.time(0)?;
    match args.value(1) {
        Value::Time(other) => Ok(time.since(other).into()),
        // A text may be either; none is both.
        Value::String(text) if read(text, None).is_ok() => Ok(time.since(&args.time(1)?).into()),
        _ => {
            let nanos = args.duration(1)?.as_nanos().checked_neg();
            shift(time, nanos.ok_or_else(|| Fault::value("the duration is out of range"))?)
        }
    }
}

fn from_epoch(args: Arguments<'_>, _: &mut Budget<'_>) -> Outcome {
    let seconds = args.value(0).as_f64().ok_or_else(|| args.wrong(0, "a number"))?;
    let time = match args.value(0) {
        Value::Int(seconds) => jiff::Timestamp::from_second(*seconds).ok(),
        _ => jiff::Timestamp::from_millisecond((seconds * 1000.0) as i64).ok(),
    };
    match time {
        Some(time) => Ok(Time::from(time.to_zoned(TimeZone::UTC)).into()),
        None => Err(Fault::value(format!("{seconds} seconds since 1970 are out of range"))),
    }
}

/// A whole number of units that a duration is, as a float.
pub(super) fn units(duration: Duration, nanos: f64) -> Value {
    Value::Float(duration.as_nanos() as f64 / nanos)
}
