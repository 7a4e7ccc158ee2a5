//! Whether a text is a schedule of five cron fields. When it is due next is the scheduler's business.

/// A field: its name, its smallest and largest number, and the names that stand for numbers from the smallest on.
struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", min: 0, max: 59, names: &[] },
    Field { name: "hour", min: 0, max: 23, names: &[] },
    Field { name: "day of month", min: 1, max: 31, names: &[] },
    Field {
        name: "month",
        min: 1,
        max: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    // 7 is Sunday too.
    Field { name: "day of week", min: 0, max: 7, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/// Refuses what is not a schedule, with the reason.
pub(super) fn check(text: &str) -> Result<(), String> {
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!("it has {} fields, not five", fields.len()));
    }
    fields.iter().zip(&FIELDS).try_for_each(|(text, field)| field.check(text))
}

impl Field {
    fn check(&self, text: &str) -> Result<(), String> {
        text.split(',').try_for_each(|part| self.check_part(part))
    }

    /// `*`, `?`, `5`, `1-5`, each with or without `/2`.
    fn check_part(&self, part: &str) -> Result<(), String> {
        let refuse = || format!("`{part}` is no {} ({} to {})", self.name, self.min, self.max);
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        if let Some(step) = step
            && !step.parse::<u32>().is_ok_and(|step| (1..=self.max).contains(&step))
        {
            return Err(refuse());
        }
        if matches!(range, "*" | "?") {
            return Ok(());
        }
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        match (self.number(first), self.number(last)) {
            (Some(first), Some(last)) if first <= last => Ok(()),
            _ => Err(refuse()),
        }
    }

    fn number(&self, text: &str) -> Option<u32> {
        let named = self.names.iter().zip(self.min..).find(|(name, _)| name.eq_ignore_ascii_case(text));
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = named.map(|(_, number)| number).or_else(|| text.parse().ok().filter(|_| digits))?;
        (self.min..=self.max).contains(&number).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_fields_in_range_are_a_schedule() {
        for text in
            ["15 6 * * 1-5", "*/5 * * * *", "0 0 1,15 JAN-mar ?", "0-30/10 8 * * sun", "59 23 31 12 7"]
        {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_no_schedule_says_which_field() {
        let refuses = |text: &str, reason: &str| assert_eq!(check(text), Err(reason.to_owned()), "{text}");
        refuses("", "it has 0 fields, not five");
        refuses("@daily", "it has 1 fields, not five");
        refuses("0 0 6 * * 1", "it has 6 fields, not five");
        refuses("60 * * * *", "`60` is no minute (0 to 59)");
        refuses("* * 0 * *", "`0` is no day of month (1 to 31)");
        refuses("* 9-5 * * *", "`9-5` is no hour (0 to 23)");
        refuses("*/0 * * * *", "`*/0` is no minute (0 to 59)");
        refuses("* * * foo *", "`foo` is no month (1 to 12)");
        refuses("* * * * +1", "`+1` is no day of week (0 to 7)");
        refuses("1,,2 * * * *", "`` is no minute (0 to 59)");
    }
}
