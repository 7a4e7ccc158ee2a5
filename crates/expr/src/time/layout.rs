//! Go's layouts: `2006-01-02 15:04:05`, an example instant that says how others are written and read.
//!
//! A layout is cut into elements (`next`), and both `format` and `read` walk over these.

use std::fmt::Write as _;

use jiff::Zoned;

mod read;

pub(super) use read::parse;

pub(super) const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
pub(super) const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// An element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    SpaceDay,
    ZeroDay,
    SpaceYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    ZoneName,
    /// An offset: whether UTC is `Z`, whether there are colons, and how many of hours, minutes, seconds.
    Offset {
        z: bool,
        colon: bool,
        parts: u8,
    },
    /// So many digits of the second's fraction; without trailing zeros if `trim`.
    Fraction {
        digits: usize,
        trim: bool,
    },
}

/// The elements that always have the same text, the longer ones before those they begin with.
const FIXED: [(&str, Element); 30] = [
    ("January", Element::LongMonth),
    ("Monday", Element::LongWeekday),
    ("MST", Element::ZoneName),
    ("002", Element::ZeroYearDay),
    ("01", Element::ZeroMonth),
    ("02", Element::ZeroDay),
    ("03", Element::ZeroHour12),
    ("04", Element::ZeroMinute),
    ("05", Element::ZeroSecond),
    ("06", Element::Year),
    ("15", Element::Hour),
    ("1", Element::NumMonth),
    ("2006", Element::LongYear),
    ("2", Element::Day),
    ("__2", Element::SpaceYearDay),
    ("3", Element::Hour12),
    ("4", Element::Minute),
    ("5", Element::Second),
    ("PM", Element::UpperHalf),
    ("pm", Element::LowerHalf),
    ("Z07:00:00", Element::Offset { z: true, colon: true, parts: 3 }),
    ("Z070000", Element::Offset { z: true, colon: false, parts: 3 }),
    ("Z07:00", Element::Offset { z: true, colon: true, parts: 2 }),
    ("Z0700", Element::Offset { z: true, colon: false, parts: 2 }),
    ("Z07", Element::Offset { z: true, colon: false, parts: 1 }),
    ("-07:00:00", Element::Offset { z: false, colon: true, parts: 3 }),
    ("-070000", Element::Offset { z: false, colon: false, parts: 3 }),
    ("-07:00", Element::Offset { z: false, colon: true, parts: 2 }),
    ("-0700", Element::Offset { z: false, colon: false, parts: 2 }),
    ("-07", Element::Offset { z: false, colon: false, parts: 1 }),
];

/// The element that `layout` begins with, and its length.
fn element(layout: &str) -> Option<(Element, usize)> {
    if let Some((text, element)) = FIXED.iter().find(|(text, _)| layout.starts_with(text)) {
        return Some((*element, text.len()));
    }
    let lower_follows =
        layout.get(3..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
    match layout.as_bytes() {
        [b'J', b'a', b'n', ..] if !lower_follows => Some((Element::Month, 3)),
        [b'M', b'o', b'n', ..] if !lower_follows => Some((Element::Weekday, 3)),
        // In `_2006` the underscore is a literal before the year.
        [b'_', b'2', ..] if !layout.starts_with("_2006") => Some((Element::SpaceDay, 2)),
        [b'.' | b',', digit @ (b'0' | b'9'), rest @ ..] => {
            let digits = 1 + rest.iter().take_while(|byte| *byte == digit).count();
            let more = rest.get(digits - 1).is_some_and(u8::is_ascii_digit);
            (!more).then_some((Element::Fraction { digits, trim: *digit == b'9' }, digits + 1))
        }
        _ => None,
    }
}

/// The literal text that `layout` begins with, the element after it, and what comes then.
fn next(layout: &str) -> (&str, Option<(Element, &str)>, &str) {
    for (i, _) in layout.char_indices() {
        if let Some((element, len)) = element(&layout[i..]) {
            return (&layout[..i], Some((element, &layout[i..i + len])), &layout[i + len..]);
        }
    }
    (layout, None, "")
}

/// The instant in the layout.
pub(super) fn format(mut layout: &str, zoned: &Zoned) -> String {
    let mut out = String::with_capacity(layout.len() + 8);
    while !layout.is_empty() {
        let (literal, found, rest) = next(layout);
        out.push_str(literal);
        if let Some((element, text)) = found {
            // Writing to a `String` cannot fail.
            let _ = write_element(element, text, zoned, &mut out);
        }
        layout = rest;
    }
    out
}

fn write_element(element: Element, text: &str, zoned: &Zoned, out: &mut String) -> std::fmt::Result {
    let month = MONTHS[(zoned.month() - 1) as usize % 12];
    let weekday = DAYS[zoned.weekday().to_sunday_zero_offset() as usize % 7];
    let hour12 = (zoned.hour() + 11) % 12 + 1;
    match element {
        Element::LongMonth => out.push_str(month),
        Element::Month => out.push_str(&month[..3]),
        Element::NumMonth => write!(out, "{}", zoned.month())?,
        Element::ZeroMonth => write!(out, "{:02}", zoned.month())?,
        Element::LongWeekday => out.push_str(weekday),
        Element::Weekday => out.push_str(&weekday[..3]),
        Element::Day => write!(out, "{}", zoned.day())?,
        Element::SpaceDay => write!(out, "{:2}", zoned.day())?,
        Element::ZeroDay => write!(out, "{:02}", zoned.day())?,
        Element::SpaceYearDay => write!(out, "{:3}", zoned.day_of_year())?,
        Element::ZeroYearDay => write!(out, "{:03}", zoned.day_of_year())?,
        Element::Hour => write!(out, "{:02}", zoned.hour())?,
        Element::Hour12 => write!(out, "{hour12}")?,
        Element::ZeroHour12 => write!(out, "{hour12:02}")?,
        Element::Minute => write!(out, "{}", zoned.minute())?,
        Element::ZeroMinute => write!(out, "{:02}", zoned.minute())?,
        Element::Second => write!(out, "{}", zoned.second())?,
        Element::ZeroSecond => write!(out, "{:02}", zoned.second())?,
        Element::LongYear => {
            let sign = if zoned.year() < 0 { "-" } else { "" };
            write!(out, "{sign}{:04}", zoned.year().unsigned_abs())?;
        }
        Element::Year => write!(out, "{:02}", zoned.year().rem_euclid(100))?,
        Element::UpperHalf => out.push_str(if zoned.hour() < 12 { "AM" } else { "PM" }),
        Element::LowerHalf => out.push_str(if zoned.hour() < 12 { "am" } else { "pm" }),
        Element::ZoneName => write_zone(zoned, out)?,
        Element::Offset { z, colon, parts } => write_offset(zoned.offset().seconds(), z, colon, parts, out)?,
        Element::Fraction { digits, trim } => {
            let nanos = format!("{:09}", zoned.subsec_nanosecond());
            let mut fraction = nanos.get(..digits).unwrap_or(&nanos);
            if trim {
                fraction = fraction.trim_end_matches('0');
            }
            if !fraction.is_empty() {
                out.push_str(&text[..1]);
                out.push_str(fraction);
            }
        }
    }
    Ok(())
}

/// The zone's abbreviation, `UTC`, or the offset for a zone that is nothing else.
fn write_zone(zoned: &Zoned, out: &mut String) -> std::fmt::Result {
    let zone = zoned.time_zone();
    if zone.iana_name() == Some("UTC") || zone.is_unknown() {
        out.push_str("UTC");
        return Ok(());
    }
    let info = zone.to_offset_info(zoned.timestamp());
    let name = info.abbreviation();
    if zone.iana_name().is_some() && name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        out.push_str(name);
        return Ok(());
    }
    let minutes = zoned.offset().seconds() / 60;
    write_offset(zoned.offset().seconds(), false, false, if minutes % 60 == 0 { 1 } else { 2 }, out)
}

fn write_offset(seconds: i32, z: bool, colon: bool, parts: u8, out: &mut String) -> std::fmt::Result {
    if z && seconds == 0 {
        out.push('Z');
        return Ok(());
    }
    let colon = if colon { ":" } else { "" };
    let absolute = seconds.unsigned_abs();
    write!(out, "{}{:02}", if seconds < 0 { '-' } else { '+' }, absolute / 3600)?;
    if parts > 1 {
        write!(out, "{colon}{:02}", absolute / 60 % 60)?;
    }
    if parts > 2 {
        write!(out, "{colon}{:02}", absolute % 60)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Time, zone};
    use super::*;

    fn time(text: &str) -> Time {
        Time::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn layouts_write_instants() {
        let at = time("2026-01-02T15:04:05.0607+01:00");
        let check = |layout: &str, text: &str| assert_eq!(at.format(layout), text, "{layout}");
        check("2006-01-02", "2026-01-02");
        check("Mon, 02 Jan 2006 15:04:05 MST", "Fri, 02 Jan 2026 15:04:05 +01");
        check("Monday, January 2 2006 at 3:04PM", "Friday, January 2 2026 at 3:04PM");
        check("06/1/_2 03:4:5 pm", "26/1/ 2 03:4:5 pm");
        check("2006-01-02T15:04:05.000Z07:00", "2026-01-02T15:04:05.060+01:00");
        check("05.999999 -0700 -07 Z070000", "05.0607 +0100 +01 +010000");
        check("002 __2", "002   2");
        check("Janet met Monica", "Janet met Monica");
        check("_2006", "_2026");
        check("größe", "größe");
        check("", "");
    }

    #[test]
    fn layouts_read_instants() {
        let check = |layout: &str, text: &str, instant: &str| {
            assert_eq!(Time::parse(layout, text, None).unwrap().to_string(), instant, "{text}");
        };
        check("02/01/2006", "03/04/2026", "2026-04-03T00:00:00Z");
        check(RFC3339, "2026-01-02T03:04:05.123Z", "2026-01-02T03:04:05.123Z");
        check(RFC3339, "2026-01-02T03:04:05-05:30", "2026-01-02T03:04:05-05:30");
        check("Mon, 02 Jan 2006 15:04:05 MST", "Fri, 02 Jan 2026 15:04:05 GMT", "2026-01-02T15:04:05Z");
        check("January 2, 2006 3:04 PM", "March 31, 2026 12:30 AM", "2026-03-31T00:30:00Z");
        check("2006 002", "2026 033", "2026-02-02T00:00:00Z");
        check("06", "70", "1970-01-01T00:00:00Z");
        check("15:04:05", "01:02:03", "0000-01-01T01:02:03Z");
    }

    #[test]
    fn a_text_without_an_offset_is_in_the_given_zone() {
        let zurich = zone("Europe/Zurich").unwrap();
        let at = Time::parse("2006-01-02", "2026-07-01", Some(&zurich)).unwrap();
        assert_eq!(at.to_string(), "2026-07-01T00:00:00+02:00");
    }

    #[test]
    fn what_does_not_fit_the_layout_is_refused() {
        let layout = "2006-01-02 15:04";
        for text in ["", "2026-13-01 00:00", "2026-02-30 00:00", "2026-01-02 24:00", "2026-01-02 00:00x", "é"]
        {
            assert!(Time::parse(layout, text, None).is_err(), "{text}");
        }
    }
}
