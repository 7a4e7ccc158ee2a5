//! `internal.Sleep`: a length of time, as `Amount` and `Unit`, as `Hours: 2`, or as `duration: 1h30m`; or a point
//! in time, as `Until: 2030-01-01T08:00:00Z`.

use expr::Value;
use types::limits::SLEEP_MS_MAX;

use super::params::Params;
use crate::codes;
use crate::document::Body;
use crate::near::normal;
use crate::plan::PlanValue;
use crate::read::Reader;
use crate::source::Extent;
use crate::yaml::Node;

const SHAPE: &str = "write `Amount: 5` and `Unit: Minutes`, or `duration: 5m`";
const UNTIL_SHAPE: &str = "write `Until: 2030-01-01T08:00:00Z`, or an expression in braces";
const UNTIL_NAMES: [&str; 10] = [
    "until_date",
    "until_time",
    "wait_until",
    "sleep_until",
    "date",
    "date_time",
    "timestamp",
    "target_time",
    "instant",
    "at",
];
const UNTIL_MODES: [&str; 8] =
    ["until", "untildate", "untiltime", "waituntil", "date", "datetime", "specifictime", "specificdate"];
const SECOND_MS: i64 = 1000;

/// Units by the names of their parameters, with the spellings in which they may also come.
const UNITS: [(&str, &[&str], i64); 6] = [
    ("Milliseconds", &["millisecond", "ms", "millis"], 1),
    ("Seconds", &["second", "sec", "secs", "s"], SECOND_MS),
    ("Minutes", &["minute", "min", "mins", "m"], 60 * SECOND_MS),
    ("Hours", &["hour", "hr", "hrs", "h"], 60 * 60 * SECOND_MS),
    ("Days", &["day", "d"], 24 * 60 * 60 * SECOND_MS),
    ("Weeks", &["week", "w"], 7 * 24 * 60 * 60 * SECOND_MS),
];

impl Reader<'_> {
    pub(super) fn sleep(&mut self, params: &mut Params<'_>) -> Body {
        let none = Body::Sleep { amount: PlanValue::Literal(Value::Int(0)), unit_ms: 1 };
        let mode = params.find("Mode", &["wait_mode", "sleep_mode", "wait_type"]);
        let text = mode.and_then(|entry| self.text(&entry.value, "`Mode`")).unwrap_or_default();
        let until = params.find("Until", &UNTIL_NAMES);
        match (normal(&text).as_str(), until) {
            (mode, _) if UNTIL_MODES.contains(&mode) => {
                let until = until.or_else(|| params.find("Until", &["value", "time"]));
                // A form may keep old values beside it.
                params.ignore_the_rest();
                return self.sleep_until(until.map(|entry| &entry.value), params.at).unwrap_or(none);
            }
            ("", Some(entry)) => return self.sleep_until(Some(&entry.value), params.at).unwrap_or(none),
            ("" | "time" | "duration" | "amount" | "fixedtime" | "interval", _) => {}
            _ => {
                let at = mode.map_or(params.at, |entry| entry.value.at);
                self.not_yet(at, &format!("waiting with `Mode: {text}`"));
                params.ignore_the_rest();
                return none;
            }
        }
        let amount = params.find("Amount", &["value", "time", "length"]);
        let unit = params.find("Unit", &["time_unit", "units", "duration_unit"]);
        let duration = params.find("duration", &["sleep_duration", "wait_duration", "for"]);
        let text = duration.and_then(|entry| entry.value.as_str()).filter(|text| !text.contains("{{"));
        if let (Some(entry), Some(millis)) = (duration, text.and_then(parse_duration)) {
            return self.fixed(millis, entry.value.at);
        }
        let unit_ms = match unit.map(|entry| self.unit(&entry.value)) {
            Some(None) => return none,
            Some(Some(unit_ms)) => unit_ms,
            None => SECOND_MS,
        };
        let mut parts: Vec<(&Node, i64)> = Vec::new();
        parts.extend(amount.or(duration).map(|entry| (&entry.value, unit_ms)));
        for (name, others, unit_ms) in UNITS {
            // An amount says it all; a form may keep old values beside it.
            if let Some(entry) = params.find(name, others).filter(|_| amount.or(duration).is_none()) {
                parts.push((&entry.value, unit_ms));
            }
        }
        parts.retain(|(node, _)| !node.is_empty());
        if let [(node, unit_ms)] = parts[..]
            && node.as_str().is_some_and(|text| text.contains("{{"))
        {
            return Body::Sleep { amount: self.value(node), unit_ms };
        }
        self.sum(&parts, params.at).unwrap_or(none)
    }

    fn sleep_until(&mut self, node: Option<&Node>, at: Extent) -> Option<Body> {
        let Some(node) = node.filter(|node| !node.is_empty()) else {
            if !self.idle {
                let message = "a wait until a point in time has no `Until`";
                self.lacking.error(codes::SLEEP_SHAPE, at, message).hint(UNTIL_SHAPE);
            }
            return None;
        };
        let until = self.value(node);
        if let PlanValue::Literal(literal) = &until
            && !literal.is_nil()
            && crate::instant(literal).is_err()
        {
            let message = format!("`Until` must be a point in time, not {}", node.describe());
            self.problems.error(codes::SLEEP_SHAPE, node.at, message).hint(UNTIL_SHAPE);
        }
        Some(Body::SleepUntil(until))
    }

    /// Literal amounts of several units, added up.
    fn sum(&mut self, parts: &[(&Node, i64)], at: Extent) -> Option<Body> {
        if parts.is_empty() {
            if !self.idle {
                self.lacking.error(codes::SLEEP_SHAPE, at, "a wait has no length of time").hint(SHAPE);
            }
            return None;
        }
        let mut millis = 0.0;
        for (node, unit_ms) in parts {
            let amount = node.scalar().and_then(|scalar| scalar.text.trim().parse::<f64>().ok());
            let Some(amount) = amount.filter(|amount| amount.is_finite() && *amount >= 0.0) else {
                let message = format!("a length of time must be a number, not {}", node.describe());
                self.problems.error(codes::SLEEP_SHAPE, node.at, message).hint(SHAPE);
                return None;
            };
            #[allow(clippy::cast_precision_loss)] // units are far below 2^53
            let part = amount * *unit_ms as f64;
            millis += part;
        }
        let at = parts.first().map_or(at, |(node, _)| node.at);
        #[allow(clippy::cast_possible_truncation)] // saturates, and is then refused as too long
        let body = self.fixed(millis.round() as i64, at);
        Some(body)
    }

    fn fixed(&mut self, millis: i64, at: Extent) -> Body {
        if millis > SLEEP_MS_MAX {
            let days = SLEEP_MS_MAX / (24 * 60 * 60 * SECOND_MS);
            self.problems.error(codes::SLEEP_SHAPE, at, format!("a wait lasts at most {days} days"));
        }
        Body::Sleep { amount: PlanValue::Literal(Value::Int(millis)), unit_ms: 1 }
    }

    fn unit(&mut self, node: &Node) -> Option<i64> {
        let text = self.text(node, "`Unit`").unwrap_or_default();
        let found = unit_ms(&text);
        if found.is_none() {
            let names = UNITS.map(|(name, ..)| format!("`{name}`")).join(", ");
            let message = format!("there is no unit of time `{}`", crate::yaml::shorten(&text));
            self.problems.error(codes::SLEEP_SHAPE, node.at, message).hint(format!("units are {names}"));
        }
        found
    }
}

fn unit_ms(text: &str) -> Option<i64> {
    let key = normal(text);
    let named =
        |(name, others, _): &(&str, &[&str], i64)| normal(name) == key || others.contains(&key.as_str());
    UNITS.iter().find(|unit| named(unit)).map(|(.., unit_ms)| *unit_ms)
}

/// `1h30m`, `500ms`, `2 days`; milliseconds.
pub(in crate::read) fn parse_duration(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut millis = 0.0;
    if !rest.ends_with(char::is_alphabetic) {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let amount: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        #[allow(clippy::cast_precision_loss)] // units are far below 2^53
        let unit = unit_ms(&rest[..letters])? as f64;
        millis += amount * unit;
        rest = rest[letters..].trim_start();
    }
    #[allow(clippy::cast_possible_truncation)] // saturates, and is then refused as too long
    Some(millis.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_one_or_more_units() {
        let check = |text, expected| assert_eq!(parse_duration(text), expected, "{text}");
        check("5s", Some(5_000));
        check("1h30m", Some(5_400_000));
        check("1.5 hours", Some(5_400_000));
        check("500ms", Some(500));
        check("2 days", Some(172_800_000));
        for text in ["", "5", "h", "5x", "-5s", "1h 30", "1..5s"] {
            check(text, None);
        }
    }
}
