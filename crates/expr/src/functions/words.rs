//! What else can be called: the loops, and the methods of instants and durations. They are not in the tables of
//! functions, since loops are compiled and methods belong to a value; here is what the docs say of them.

/// Something that can be called.
#[derive(Debug)]
pub struct Word {
    /// What it is called by.
    pub name: &'static str,
    /// How it is called and what it gives, as the docs show it.
    pub signature: &'static str,
    /// One sentence on what it does.
    pub about: &'static str,
    /// A call and what it gives, both as expressions.
    pub example: (&'static str, &'static str),
}

const fn word(
    name: &'static str,
    signature: &'static str,
    about: &'static str,
    example: (&'static str, &'static str),
) -> Word {
    Word { name, signature, about, example }
}

/// The functions whose second argument is evaluated for each element of their first.
pub const LOOPS: &[Word] = &[
    word(
        "all",
        "all(list, test) bool",
        "Whether the test holds for every element.",
        ("all([22, 443], # < 1024)", "true"),
    ),
    word(
        "any",
        "any(list, test) bool",
        "Whether the test holds for an element.",
        ("any([22, 8080], # > 1024)", "true"),
    ),
    word(
        "one",
        "one(list, test) bool",
        "Whether the test holds for exactly one element.",
        ("one([1, 2, 3], # > 2)", "true"),
    ),
    word(
        "none",
        "none(list, test) bool",
        "Whether the test holds for no element.",
        ("none([\"low\"], # == \"high\")", "true"),
    ),
    word(
        "filter",
        "filter(list, test) array",
        "The elements for which the test holds.",
        (
            "filter([{sev: \"high\", id: 1}, {sev: \"low\", id: 2}], .sev == \"high\")",
            "[{sev: \"high\", id: 1}]",
        ),
    ),
    word(
        "map",
        "map(list, body) array",
        "What the body makes of each element.",
        ("map([{id: 1}, {id: 2}], .id * 10)", "[10, 20]"),
    ),
    word(
        "count",
        "count(list, test?) int",
        "For how many elements the test holds, or how many are true.",
        ("count([1, 2, 3], # > 1)", "2"),
    ),
    word(
        "sum",
        "sum(list, body?) number",
        "The sum of the elements, or of what the body makes of them.",
        ("sum([{bytes: 5}, {bytes: 7}], .bytes)", "12"),
    ),
    word(
        "find",
        "find(list, test) any",
        "The first element for which the test holds, or nil.",
        ("find([1, 2, 3], # > 1)", "2"),
    ),
    word(
        "findIndex",
        "findIndex(list, test) int",
        "The index of that element, or nil.",
        ("findIndex([1, 2, 3], # > 1)", "1"),
    ),
    word(
        "findLast",
        "findLast(list, test) any",
        "The last element for which the test holds, or nil.",
        ("findLast([1, 2, 3], # > 1)", "3"),
    ),
    word(
        "findLastIndex",
        "findLastIndex(list, test) int",
        "The index of that element, or nil.",
        ("findLastIndex([1, 2, 3], # > 1)", "2"),
    ),
    word(
        "groupBy",
        "groupBy(list, key) map",
        "The elements in groups, by what `key` makes of them.",
        (
            "groupBy([{h: \"a\", n: 1}, {h: \"b\", n: 2}], .h)",
            "{a: [{h: \"a\", n: 1}], b: [{h: \"b\", n: 2}]}",
        ),
    ),
    word(
        "sortBy",
        "sortBy(list, key, order?) array",
        "The elements in the order of what `key` makes of them; `order` is `\"asc\"` or `\"desc\"`.",
        ("sortBy([{n: 2}, {n: 9}], .n, \"desc\")", "[{n: 9}, {n: 2}]"),
    ),
    word(
        "reduce",
        "reduce(list, body, first?) any",
        "Goes over the list with an accumulator, `#acc`; `first` is what it begins with, else the first element.",
        ("reduce([1, 2, 3], #acc + #, 10)", "16"),
    ),
];

/// The methods of instants.
pub const TIME_METHODS: &[Word] = &[
    word("Year", "time.Year() int", "The year.", ("date(\"2026-01-02\").Year()", "2026")),
    word("Month", "time.Month() int", "The month, from 1.", ("date(\"2026-01-02\").Month()", "1")),
    word("Day", "time.Day() int", "The day of the month.", ("date(\"2026-01-02\").Day()", "2")),
    word("Hour", "time.Hour() int", "The hour, from 0.", ("date(\"2026-01-02T03:04:05Z\").Hour()", "3")),
    word("Minute", "time.Minute() int", "The minute.", ("date(\"2026-01-02T03:04:05Z\").Minute()", "4")),
    word("Second", "time.Second() int", "The second.", ("date(\"2026-01-02T03:04:05Z\").Second()", "5")),
    word(
        "Nanosecond",
        "time.Nanosecond() int",
        "What is over a second.",
        ("date(\"2026-01-02T03:04:05.5Z\").Nanosecond()", "500000000"),
    ),
    word(
        "Weekday",
        "time.Weekday() int",
        "The day of the week; Sunday is 0.",
        ("date(\"2026-01-02\").Weekday()", "5"),
    ),
    word(
        "YearDay",
        "time.YearDay() int",
        "The day of the year, from 1.",
        ("date(\"2026-02-01\").YearDay()", "32"),
    ),
    word(
        "Unix",
        "time.Unix() int",
        "Seconds since 1970.",
        ("date(\"2026-01-02T03:04:05Z\").Unix()", "1767323045"),
    ),
    word(
        "UnixMilli",
        "time.UnixMilli() int",
        "Milliseconds since 1970.",
        ("date(\"2026-01-02T03:04:05Z\").UnixMilli()", "1767323045000"),
    ),
    word(
        "UnixMicro",
        "time.UnixMicro() int",
        "Microseconds since 1970.",
        ("date(\"1970-01-01T00:00:01Z\").UnixMicro()", "1000000"),
    ),
    word(
        "UnixNano",
        "time.UnixNano() int",
        "Nanoseconds since 1970.",
        ("date(\"1970-01-01T00:00:01Z\").UnixNano()", "1000000000"),
    ),
    word(
        "Format",
        "time.Format(layout) string",
        "The instant as a text, by a layout of Go's.",
        ("date(\"2026-01-02T15:04:05Z\").Format(\"02.01.2006 15:04\")", "\"02.01.2026 15:04\""),
    ),
    word(
        "String",
        "time.String() string",
        "The instant as a text.",
        ("date(\"2026-01-02T03:04:05Z\").String()", "\"2026-01-02 03:04:05 +0000 UTC\""),
    ),
    word(
        "Add",
        "time.Add(duration) time",
        "The instant that much later.",
        ("date(\"2026-01-02\").Add(duration(\"36h\"))", "date(\"2026-01-03T12:00:00Z\")"),
    ),
    word(
        "Sub",
        "time.Sub(time) duration",
        "How much later it is than the other.",
        ("date(\"2026-01-03\").Sub(date(\"2026-01-02\"))", "duration(\"24h\")"),
    ),
    word(
        "AddDate",
        "time.AddDate(years, months, days) time",
        "The instant that many years, months and days later.",
        ("date(\"2026-01-02\").AddDate(0, 1, -1)", "date(\"2026-02-01\")"),
    ),
    word(
        "After",
        "time.After(time) bool",
        "Whether it is later than the other.",
        ("date(\"2026-01-02\").After(date(\"2026-01-01\"))", "true"),
    ),
    word(
        "Before",
        "time.Before(time) bool",
        "Whether it is earlier than the other.",
        ("date(\"2026-01-02\").Before(date(\"2026-01-01\"))", "false"),
    ),
    word(
        "Equal",
        "time.Equal(time) bool",
        "Whether both are the same instant, in whatever zones.",
        ("date(\"2026-01-02T01:00:00+01:00\").Equal(date(\"2026-01-02T00:00:00Z\"))", "true"),
    ),
    word(
        "Compare",
        "time.Compare(time) int",
        "-1 if it is earlier than the other, 1 if later, else 0.",
        ("date(\"2026-01-02\").Compare(date(\"2026-01-03\"))", "-1"),
    ),
    word(
        "IsZero",
        "time.IsZero() bool",
        "Whether it is the first instant of the year 1.",
        ("date(\"2026-01-02\").IsZero()", "false"),
    ),
    word(
        "In",
        "time.In(zone) time",
        "The same instant in another time zone.",
        ("date(\"2026-01-02T12:00:00Z\").In(timezone(\"Asia/Tokyo\")).Hour()", "21"),
    ),
    word(
        "UTC",
        "time.UTC() time",
        "The same instant in UTC.",
        ("date(\"2026-01-02T12:00:00+02:00\").UTC().Hour()", "10"),
    ),
    word(
        "Location",
        "time.Location() string",
        "The name of its time zone.",
        ("string(date(\"2026-01-02\").Location())", "\"UTC\""),
    ),
    word(
        "Truncate",
        "time.Truncate(duration) time",
        "Rounded down to a multiple of the duration.",
        ("date(\"2026-01-02T03:44:05Z\").Truncate(duration(\"1h\"))", "date(\"2026-01-02T03:00:00Z\")"),
    ),
    word(
        "Round",
        "time.Round(duration) time",
        "Rounded to the nearest multiple of the duration.",
        ("date(\"2026-01-02T03:44:05Z\").Round(duration(\"1h\"))", "date(\"2026-01-02T04:00:00Z\")"),
    ),
];

/// The methods of durations.
pub const DURATION_METHODS: &[Word] = &[
    word("Hours", "duration.Hours() float", "In hours.", ("duration(\"90m\").Hours()", "1.5")),
    word("Minutes", "duration.Minutes() float", "In minutes.", ("duration(\"1h\").Minutes()", "60.0")),
    word("Seconds", "duration.Seconds() float", "In seconds.", ("duration(\"1m\").Seconds()", "60.0")),
    word(
        "Milliseconds",
        "duration.Milliseconds() int",
        "In whole milliseconds.",
        ("duration(\"1.5s\").Milliseconds()", "1500"),
    ),
    word(
        "Microseconds",
        "duration.Microseconds() int",
        "In whole microseconds.",
        ("duration(\"1ms\").Microseconds()", "1000"),
    ),
    word(
        "Nanoseconds",
        "duration.Nanoseconds() int",
        "In nanoseconds.",
        ("duration(\"1us\").Nanoseconds()", "1000"),
    ),
    word("String", "duration.String() string", "As a text.", ("duration(\"90m\").String()", "\"1h30m0s\"")),
    word(
        "Round",
        "duration.Round(duration) duration",
        "Rounded to the nearest multiple of the other.",
        ("duration(\"1h44m\").Round(duration(\"1h\"))", "duration(\"2h\")"),
    ),
    word(
        "Truncate",
        "duration.Truncate(duration) duration",
        "Rounded towards zero to a multiple of the other.",
        ("duration(\"1h44m\").Truncate(duration(\"1h\"))", "duration(\"1h\")"),
    ),
    word(
        "Abs",
        "duration.Abs() duration",
        "Without its sign.",
        ("duration(\"-1h\").Abs()", "duration(\"1h\")"),
    ),
];

/// The methods of the types that a value may have.
pub(crate) fn methods(time: bool, duration: bool) -> impl Iterator<Item = &'static Word> {
    let some = |may: bool, methods: &'static [Word]| if may { methods } else { &[] };
    some(time, TIME_METHODS).iter().chain(some(duration, DURATION_METHODS))
}
