//! Durations: nanoseconds, written and read as `1h2m3.5s`.

use std::fmt;

use super::TimeError;

/// A length of time: nanoseconds, negative allowed, up to 292 years. `Display` is Go's: `1h30m0s`, `1.5s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(i64);

/// Unit texts and their nanoseconds, as `duration()` reads them. Days are ours: people write `7d`.
const UNITS: [(&str, u64); 10] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000), // U+00B5, the micro sign
    ("μs", 1_000), // U+03BC, the Greek letter
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
];

impl Duration {
    /// That many nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Reads `1h30m`, `-1.5s`, `100ms`: numbers with units, one after the other.
    pub(crate) fn parse(text: &str) -> Result<Self, TimeError> {
        let invalid = || TimeError(format!("invalid duration `{text}`"));
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let (number, tail) = rest.split_at(number_len);
            let unit_len = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit_len);
            if unit.is_empty() {
                return Err(TimeError(format!("missing unit in duration `{text}`")));
            }
            let (_, factor) = UNITS
                .iter()
                .find(|(name, _)| *name == unit)
                .ok_or_else(|| TimeError(format!("unknown unit `{unit}` in duration `{text}`")))?;
            total += scaled(number, *factor).ok_or_else(invalid)?;
            if total > i128::from(i64::MAX) + 1 {
                return Err(invalid());
            }
            rest = tail;
        }
        let total = if negative { -total } else { total };
        i64::try_from(total).map(Self).map_err(|_| invalid())
    }
}

/// `number` (digits with at most one point) times `factor`, cut to a whole number.
fn scaled(number: &str, factor: u64) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || whole.len() > 19 {
        return None;
    }
    let factor = i128::from(factor);
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Digits beyond the 18th are below a nanosecond for every unit.
    let fraction = &fraction[..fraction.len().min(18)];
    let part = match fraction.is_empty() {
        true => 0,
        false => fraction.parse::<i128>().ok()? * factor / 10i128.pow(u32::try_from(fraction.len()).ok()?),
    };
    Some(whole * factor + part)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let nanos = self.0.unsigned_abs();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if nanos < 1_000_000_000 {
            let (unit, name) = match nanos {
                ..1_000 => (1, "ns"),
                1_000..1_000_000 => (1_000, "µs"),
                _ => (1_000_000, "ms"),
            };
            write_decimal(f, nanos / unit, nanos % unit, unit)?;
            return f.write_str(name);
        }
        let seconds = nanos / 1_000_000_000;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if seconds >= 60 {
            write!(f, "{minutes}m")?;
        }
        write_decimal(f, seconds % 60, nanos % 1_000_000_000, 1_000_000_000)?;
        f.write_str("s")
    }
}

/// Writes `whole` and `part / of` as a decimal without trailing zeros.
fn write_decimal(f: &mut fmt::Formatter<'_>, whole: u64, part: u64, of: u64) -> fmt::Result {
    write!(f, "{whole}")?;
    if part > 0 {
        let width = of.ilog10() as usize;
        let digits = format!("{part:0width$}");
        write!(f, ".{}", digits.trim_end_matches('0'))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_go_does() {
        let check = |text: &str, written: &str| {
            assert_eq!(Duration::parse(text).unwrap().to_string(), written, "{text}");
        };
        check("0", "0s");
        check("90m", "1h30m0s");
        check("-1.5h", "-1h30m0s");
        check("1500ms", "1.5s");
        check("1us", "1µs");
        check("1.5ms", "1.5ms");
        check("7d", "168h0m0s");
        check("+61s", "1m1s");
        check(".5s", "500ms");
        check("2562047h47m16.854775807s", "2562047h47m16.854775807s");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "-", "1", "h", "1x", "1..5s", "3000000h", "1 h", ".s", "99999999999999999999s"] {
            assert!(Duration::parse(text).is_err(), "{text}");
        }
    }
}
