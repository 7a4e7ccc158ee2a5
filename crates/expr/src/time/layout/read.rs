//! Reading a text by a layout.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::super::{Time, TimeError, fixed_zone};
use super::{DAYS, Element, MONTHS, next};

/// What was read so far.
struct Fields {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    year_day: Option<i16>,
    hour: i8,
    minute: i8,
    second: i8,
    nanos: i32,
    afternoon: Option<bool>,
    offset: Option<i32>,
}

/// The instant that `text` is by `layout`; in `zone` (or else UTC) if the text itself names none.
pub(crate) fn parse(layout: &str, text: &str, zone: Option<&TimeZone>) -> Result<Time, TimeError> {
    read(layout, text, zone)
        .ok_or_else(|| TimeError(format!("`{text}` is not a time of the form `{layout}`")))
}

fn read(mut layout: &str, mut text: &str, zone: Option<&TimeZone>) -> Option<Time> {
    let mut fields = Fields {
        year: 0,
        month: None,
        day: None,
        year_day: None,
        hour: 0,
        minute: 0,
        second: 0,
        nanos: 0,
        afternoon: None,
        offset: None,
    };
    while !layout.is_empty() {
        let (literal, found, rest) = next(layout);
        text = skip(literal, text)?;
        layout = rest;
        if let Some((element, _)) = found {
            text = fields.element(element, text, layout)?;
        }
    }
    if text.is_empty() { fields.time(zone) } else { None }
}

/// `text` after `literal`, where a run of spaces stands for any other.
fn skip<'t>(literal: &str, mut text: &'t str) -> Option<&'t str> {
    let mut chars = literal.chars().peekable();
    while let Some(char) = chars.next() {
        if char == ' ' {
            while chars.peek() == Some(&' ') {
                chars.next();
            }
            if !text.is_empty() && !text.starts_with(' ') {
                return None;
            }
            text = text.trim_start_matches(' ');
        } else {
            text = text.strip_prefix(char)?;
        }
    }
    Some(text)
}

/// A number of `min` to `max` digits.
fn number(text: &str, min: usize, max: usize) -> Option<(i32, &str)> {
    let len = text.bytes().take(max).take_while(u8::is_ascii_digit).count();
    if len < min {
        return None;
    }
    Some((text[..len].parse().ok()?, &text[len..]))
}

/// The index of the name that `text` begins with, whatever its case.
fn name<'t>(text: &'t str, names: &[&str], len: Option<usize>) -> Option<(usize, &'t str)> {
    names.iter().enumerate().find_map(|(i, name)| {
        let name = &name[..len.unwrap_or(name.len())];
        let start = text.get(..name.len())?;
        start.eq_ignore_ascii_case(name).then(|| (i, &text[name.len()..]))
    })
}

impl Fields {
    /// Reads `element` at the start of `text`, `layout` being what follows it.
    fn element<'t>(&mut self, element: Element, text: &'t str, layout: &str) -> Option<&'t str> {
        let two = |text| number(text, 2, 2);
        let one_or_two = |text| number(text, 1, 2);
        let spaced = |text: &'t str| text.strip_prefix(' ').unwrap_or(text);
        let (value, rest) = match element {
            Element::LongYear => number(text, 4, 4)?,
            Element::Year => {
                two(text).map(|(year, rest)| (year + if year >= 69 { 1900 } else { 2000 }, rest))?
            }
            Element::LongMonth => name(text, &MONTHS, None).map(|(i, rest)| (i as i32 + 1, rest))?,
            Element::Month => name(text, &MONTHS, Some(3)).map(|(i, rest)| (i as i32 + 1, rest))?,
            Element::LongWeekday => name(text, &DAYS, None).map(|(i, rest)| (i as i32, rest))?,
            Element::Weekday => name(text, &DAYS, Some(3)).map(|(i, rest)| (i as i32, rest))?,
            Element::NumMonth | Element::Day | Element::Hour12 | Element::Minute | Element::Second => {
                one_or_two(text)?
            }
            Element::SpaceDay => one_or_two(spaced(text))?,
            Element::Hour | Element::ZeroMonth | Element::ZeroDay | Element::ZeroHour12 => two(text)?,
            Element::ZeroMinute | Element::ZeroSecond => two(text)?,
            Element::ZeroYearDay => number(text, 3, 3)?,
            Element::SpaceYearDay => number(text.trim_start_matches(' '), 1, 3)?,
            Element::UpperHalf | Element::LowerHalf => {
                let (index, rest) = name(text, &["AM", "PM"], None)?;
                (index as i32, rest)
            }
            Element::ZoneName => return self.zone_name(text),
            Element::Offset { z, colon, parts } => return self.offset(text, z, colon, parts),
            Element::Fraction { digits, trim } => {
                return self.fraction(text, if trim { None } else { Some(digits) });
            }
        };
        self.set(element, value)?;
        let seconds = matches!(element, Element::Second | Element::ZeroSecond);
        // A fraction after the seconds is read even if the layout has none.
        if seconds
            && rest.starts_with(['.', ','])
            && !matches!(next(layout), ("", Some((Element::Fraction { .. }, _)), _))
        {
            return self.fraction(rest, None);
        }
        Some(rest)
    }

    fn set(&mut self, element: Element, value: i32) -> Option<()> {
        let small = i8::try_from(value).ok();
        match element {
            Element::LongYear | Element::Year => self.year = i16::try_from(value).ok()?,
            Element::LongMonth | Element::Month | Element::NumMonth | Element::ZeroMonth => {
                self.month = small
            }
            Element::Day | Element::SpaceDay | Element::ZeroDay => self.day = small,
            Element::ZeroYearDay | Element::SpaceYearDay => self.year_day = i16::try_from(value).ok(),
            Element::Hour | Element::Hour12 | Element::ZeroHour12 => self.hour = small?,
            Element::Minute | Element::ZeroMinute => self.minute = small?,
            Element::Second | Element::ZeroSecond => self.second = small?,
            Element::UpperHalf | Element::LowerHalf => self.afternoon = Some(value == 1),
            _ => {}
        }
        Some(())
    }

    /// `.123`; exactly so many digits if `digits` says so.
    fn fraction<'t>(&mut self, text: &'t str, digits: Option<usize>) -> Option<&'t str> {
        let Some(rest) = text.strip_prefix(['.', ',']) else {
            // A fraction without trailing zeros may be nothing at all.
            return if digits.is_none() { Some(text) } else { None };
        };
        let len = rest.bytes().take_while(u8::is_ascii_digit).count();
        if len == 0 || digits.is_some_and(|digits| digits != len) {
            return None;
        }
        let nanos = format!("{:0<9}", &rest[..len.min(9)]);
        self.nanos = nanos.parse().ok()?;
        Some(&rest[len..])
    }

    fn offset<'t>(&mut self, text: &'t str, z: bool, colon: bool, parts: u8) -> Option<&'t str> {
        if let (true, Some(rest)) = (z, text.strip_prefix('Z')) {
            self.offset = Some(0);
            return Some(rest);
        }
        let sign = match text.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let mut rest = &text[1..];
        let mut seconds = 0;
        for (part, unit) in (0..parts).zip([3600, 60, 1]) {
            if part > 0 && colon {
                rest = rest.strip_prefix(':')?;
            }
            let (value, after) = number(rest, 2, 2)?;
            if value > if part == 0 { 24 } else { 59 } {
                return None;
            }
            seconds += value * unit;
            rest = after;
        }
        self.offset = Some(sign * seconds);
        Some(rest)
    }

    /// An abbreviation. Which offset it means depends on where one is: as in the reference it is taken for
    /// UTC, but for `GMT+3`, which tells.
    fn zone_name<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let len = text.bytes().take_while(u8::is_ascii_uppercase).count();
        if text.starts_with("GMT") && text[3..].starts_with(['+', '-']) {
            let (hours, rest) = number(&text[4..], 1, 2)?;
            let sign = if text[3..].starts_with('-') { -1 } else { 1 };
            self.offset = Some(sign * hours * 3600);
            return Some(rest);
        }
        if !(3..=5).contains(&len) {
            return None;
        }
        if matches!(&text[..len], "UTC" | "GMT") {
            self.offset = Some(0);
        }
        Some(&text[len..])
    }

    fn time(self, zone: Option<&TimeZone>) -> Option<Time> {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let date = match self.year_day {
            Some(year_day) => {
                let date = Date::new(self.year, 1, 1).ok()?.with().day_of_year(year_day).build().ok()?;
                let same = |field: Option<i8>, other| field.is_none_or(|field| field == other);
                if !same(self.month, date.month()) || !same(self.day, date.day()) {
                    return None;
                }
                date
            }
            None => Date::new(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1)).ok()?,
        };
        let time = jiff::civil::Time::new(hour, self.minute, self.second, self.nanos).ok()?;
        let zone = match (self.offset, zone) {
            (Some(offset), _) => fixed_zone(offset)?,
            (None, Some(zone)) => zone.clone(),
            (None, None) => TimeZone::UTC,
        };
        Some(DateTime::from_parts(date, time).to_zoned(zone).ok()?.into())
    }
}
