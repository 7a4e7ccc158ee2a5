//! The methods of instants and durations: `date("…").Year()`. Nothing else has methods.

use jiff::Span;
use jiff::tz::TimeZone;

use super::time::{shift, units};
use super::words::{DURATION_METHODS, TIME_METHODS, Word};
use super::{Arguments, find};
use crate::ErrorKind;
use crate::budget::{Budget, Fault};
use crate::error::nearest;
use crate::ops::kind;
use crate::time::{Duration, Time};
use crate::value::Value;

type Outcome = Result<Value, Fault>;

/// Nanoseconds from the first day of the year 1, which rounding counts from, to 1970.
const YEAR_1_NANOS: i128 = 62_135_596_800 * 1_000_000_000;

/// Calls the method `args.function` of `of`.
pub(crate) fn call(of: &Value, args: Arguments<'_>, budget: &mut Budget<'_>) -> Outcome {
    let (result, known): (_, &[Word]) = match of {
        Value::Time(time) => (of_time(time, args, budget)?, TIME_METHODS),
        Value::Duration(duration) => (of_duration(*duration, args, budget)?, DURATION_METHODS),
        Value::Nil => {
            let message = format!("cannot call `{}` of nil", args.function);
            return Err(Fault::types(message)
                .with_hint(format!("if it may be missing, write `?.{}(…)`", args.function)));
        }
        _ => (None, &[]),
    };
    result.ok_or_else(|| {
        let message = format!("{} has no method `{}`", kind(of), args.function);
        let fault = Fault::new(ErrorKind::UnknownFunction, message);
        if let Some(meant) = nearest(args.function, known.iter().map(|method| method.name)) {
            return fault.with_hint(format!("did you mean `{meant}`?"));
        }
        match find(args.function) {
            Some(function) => fault.with_hint(format!("there is a function: `{}`", function.signature)),
            None => fault,
        }
    })
}

fn is_one_of(methods: &[Word], name: &str) -> bool {
    methods.iter().any(|method| method.name == name)
}

fn of_time(time: &Time, args: Arguments<'_>, budget: &mut Budget<'_>) -> Result<Option<Value>, Fault> {
    let wanted = match args.function {
        "AddDate" => 3,
        "Format" | "Add" | "Sub" | "After" | "Before" | "Equal" | "Compare" | "In" | "Truncate" | "Round" => {
            1
        }
        name if is_one_of(TIME_METHODS, name) => 0,
        _ => return Ok(None),
    };
    args.exactly(wanted)?;
    let zoned = time.zoned();
    let nanos = time.unix_nanos();
    let since_epoch = |unit: i128| Value::Int(nanos.div_euclid(unit) as i64);
    let int = |int: i64| Value::Int(int);
    Ok(Some(match args.function {
        "Year" => int(zoned.year().into()),
        "Month" => int(zoned.month().into()),
        "Day" => int(zoned.day().into()),
        "Hour" => int(zoned.hour().into()),
        "Minute" => int(zoned.minute().into()),
        "Second" => int(zoned.second().into()),
        "Nanosecond" => int(zoned.subsec_nanosecond().into()),
        "Weekday" => int(zoned.weekday().to_sunday_zero_offset().into()),
        "YearDay" => int(zoned.day_of_year().into()),
        "Unix" => since_epoch(1_000_000_000),
        "UnixMilli" => since_epoch(1_000_000),
        "UnixMicro" => since_epoch(1_000),
        "UnixNano" => since_epoch(1),
        "Format" => budget.text(time.format(args.text(0)?))?,
        "String" => budget.text(time.display())?,
        "Add" => shift(time.clone(), args.duration(0)?.as_nanos())?,
        "Sub" => time.since(&args.time(0)?).into(),
        "AddDate" => add_date(time, args)?,
        "After" => (*time > args.time(0)?).into(),
        "Before" => (*time < args.time(0)?).into(),
        "Equal" => (*time == args.time(0)?).into(),
        "Compare" => int(time.cmp(&args.time(0)?) as i64),
        "IsZero" => (nanos == -YEAR_1_NANOS).into(),
        "In" => time.in_zone(args.zone(0)?).into(),
        "UTC" => time.in_zone(TimeZone::UTC).into(),
        "Location" => zoned.time_zone().iana_name().unwrap_or("").into(),
        "Truncate" | "Round" => round_time(time, args)?,
        _ => return Ok(None),
    }))
}

fn of_duration(
    duration: Duration,
    args: Arguments<'_>,
    budget: &mut Budget<'_>,
) -> Result<Option<Value>, Fault> {
    let wanted = match args.function {
        "Round" | "Truncate" => 1,
        name if is_one_of(DURATION_METHODS, name) => 0,
        _ => return Ok(None),
    };
    args.exactly(wanted)?;
    let nanos = duration.as_nanos();
    let of_nanos = |nanos: i64| Value::from(Duration::from_nanos(nanos));
    Ok(Some(match args.function {
        "Hours" => units(duration, 3.6e12),
        "Minutes" => units(duration, 6e10),
        "Seconds" => units(duration, 1e9),
        "Milliseconds" => Value::Int(nanos / 1_000_000),
        "Microseconds" => Value::Int(nanos / 1_000),
        "Nanoseconds" => Value::Int(nanos),
        "String" => budget.text(duration.to_string())?,
        "Abs" => of_nanos(nanos.saturating_abs()),
        "Truncate" | "Round" => {
            let unit = args.duration(0)?.as_nanos();
            if unit <= 0 {
                return Ok(Some(of_nanos(nanos)));
            }
            let rest = nanos % unit;
            let truncated = nanos - rest;
            // Halves go away from zero.
            let up = args.function == "Round" && rest.unsigned_abs() >= unit.unsigned_abs().div_ceil(2);
            of_nanos(if up { truncated.saturating_add(unit * nanos.signum()) } else { truncated })
        }
        _ => return Ok(None),
    }))
}

/// The same clock time so many years, months and days later; a 31st that does not exist runs over.
fn add_date(time: &Time, args: Arguments<'_>) -> Outcome {
    let range = || Fault::value("the time is out of range");
    let zoned = time.zoned();
    let months = args
        .int(0)?
        .checked_mul(12)
        .and_then(|months| months.checked_add(args.int(1).ok()?))
        .ok_or_else(range)?;
    args.int(1)?;
    let span = |months, days| Span::new().try_months(months).and_then(|span| span.try_days(days));
    let first = zoned.date().first_of_month().checked_add(span(months, 0).map_err(|_| range())?);
    let days = args.int(2)?.checked_add(i64::from(zoned.day()) - 1).ok_or_else(range)?;
    let date = first.and_then(|first| first.checked_add(span(0, days)?)).map_err(|_| range())?;
    let moved = date.to_datetime(zoned.time()).to_zoned(zoned.time_zone().clone()).map_err(|_| range())?;
    Ok(Time::from(moved).into())
}

/// Rounded to a multiple of the duration since the year 1.
fn round_time(time: &Time, args: Arguments<'_>) -> Outcome {
    let unit = i128::from(args.duration(0)?.as_nanos());
    if unit <= 0 {
        return Ok(time.clone().into());
    }
    let rest = (time.unix_nanos() + YEAR_1_NANOS).rem_euclid(unit);
    let up = args.function == "Round" && rest * 2 >= unit;
    shift(time.clone(), (if up { unit - rest } else { -rest }) as i64)
}
