//! Instants and durations as the language knows them, with the looks that Go gives them.
//!
//! [`Time`] is an instant in a zone, [`Duration`] a count of nanoseconds. Layouts such as `2006-01-02` are
//! in `layout`, the text of durations in `duration`. No clock here: instants come from outside.

mod duration;
mod layout;

use std::fmt;
use std::sync::{Arc, LazyLock};

use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{Zoned, civil};
use types::Timestamp;

pub use duration::Duration;

/// An instant in a time zone, to the nanosecond, in the years -9999 to 9999. `Display` is RFC 3339.
#[derive(Clone, Debug)]
pub struct Time(Arc<Zoned>);

/// A text that is not the instant, the duration or the zone it should be, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimeError(pub(crate) String);

impl Time {
    /// The instant in UTC; the nearest end of time if it lies outside the years that can be expressed.
    pub fn from_timestamp(timestamp: Timestamp) -> Self {
        let instant = jiff::Timestamp::from_millisecond(timestamp.as_millis())
            .unwrap_or(if timestamp.as_millis() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX });
        Self::from(instant.to_zoned(TimeZone::UTC))
    }

    /// The instant, to the millisecond before it.
    pub fn to_timestamp(&self) -> Timestamp {
        let nanos = self.0.timestamp().as_nanosecond();
        Timestamp::from_millis(i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(i64::MAX))
    }

    /// Reads RFC 3339 text.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        layout::parse(layout::RFC3339, text, None).ok()
    }

    pub(crate) fn zoned(&self) -> &Zoned {
        &self.0
    }

    pub(crate) fn date(&self) -> civil::Date {
        self.0.date()
    }

    /// Seconds before and nanoseconds after the epoch, as Go counts them.
    pub(crate) fn unix_nanos(&self) -> i128 {
        self.0.timestamp().as_nanosecond()
    }

    /// The instant that many nanoseconds later, in the same zone.
    pub(crate) fn add_nanos(&self, nanos: i64) -> Option<Self> {
        let instant = self.0.timestamp().checked_add(jiff::SignedDuration::from_nanos(nanos)).ok()?;
        Some(instant.to_zoned(self.0.time_zone().clone()).into())
    }

    /// `self - earlier`, at the ends of what a duration can express if it is longer.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let nanos = self.unix_nanos() - earlier.unix_nanos();
        Duration::from_nanos(nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }

    /// The same instant in another zone.
    pub(crate) fn in_zone(&self, zone: TimeZone) -> Self {
        self.0.with_time_zone(zone).into()
    }

    /// The text of the instant in a Go layout.
    pub(crate) fn format(&self, layout: &str) -> String {
        layout::format(layout, &self.0)
    }

    /// Reads `text` by a Go layout; a text without a zone is in `zone`, else in UTC.
    pub(crate) fn parse(layout: &str, text: &str, zone: Option<&TimeZone>) -> Result<Self, TimeError> {
        layout::parse(layout, text, zone)
    }

    /// As `string()` shows it: `2006-01-02 15:04:05.999999999 -0700 MST`.
    pub(crate) fn display(&self) -> String {
        self.format("2006-01-02 15:04:05.999999999 -0700 MST")
    }
}

/// The zones that are compiled in: no file is read, and every machine answers the same.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of an IANA name, of `UTC` or of the machine (`Local`, which a server takes for UTC).
pub(crate) fn zone(name: &str) -> Result<TimeZone, TimeError> {
    match name {
        "" | "UTC" | "Local" => Ok(TimeZone::UTC),
        name => ZONES.get(name).map_err(|_| TimeError(format!("unknown time zone `{name}`"))),
    }
}

/// A zone that is nothing but an offset; UTC if it is zero.
pub(crate) fn fixed_zone(seconds: i32) -> Option<TimeZone> {
    if seconds == 0 {
        Some(TimeZone::UTC)
    } else {
        Some(TimeZone::fixed(Offset::from_seconds(seconds).ok()?))
    }
}

impl From<Zoned> for Time {
    fn from(zoned: Zoned) -> Self {
        Self(Arc::new(zoned))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format(layout::RFC3339_NANO))
    }
}

impl PartialEq for Time {
    fn eq(&self, other: &Self) -> bool {
        self.0.timestamp() == other.0.timestamp()
    }
}

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.timestamp().cmp(&other.0.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_rfc_3339() {
        let time = Time::from_timestamp(Timestamp::from_millis(1_767_323_045_120));
        assert_eq!(time.to_string(), "2026-01-02T03:04:05.12Z");
        assert_eq!(time.display(), "2026-01-02 03:04:05.12 +0000 UTC");
        assert_eq!(time.to_timestamp().as_millis(), 1_767_323_045_120);
        let zurich = time.in_zone(zone("Europe/Zurich").unwrap());
        assert_eq!(zurich.to_string(), "2026-01-02T04:04:05.12+01:00");
        assert_eq!(zurich.display(), "2026-01-02 04:04:05.12 +0100 CET");
        assert_eq!(zurich, time);
        assert!(zone("Nowhere/Else").is_err());
    }

    #[test]
    fn the_ends_of_time_are_met_without_overflow() {
        let end = Time::from_timestamp(Timestamp::from_millis(i64::MAX));
        let start = Time::from_timestamp(Timestamp::from_millis(i64::MIN));
        assert_eq!(end.since(&start).as_nanos(), i64::MAX);
        assert_eq!(end.add_nanos(i64::MAX), None);
    }
}
