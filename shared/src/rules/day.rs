//! Which day of the calendar is meant? As `2026-11-01`, in UTC.

use serde::Deserialize;
use time::{Date, Month};

use super::DAY_MS;

/// Julian day number of 1970-01-01.
const UNIX_EPOCH_JULIAN: i32 = 2_440_588;

/// A day of the calendar, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Day {
    /// Milliseconds since 1970-01-01 UTC.
    pub(super) starts_ms: i64,
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let day = || {
            let mut parts = text.splitn(3, '-');
            let year: i32 = parts.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
            let month = Month::try_from(parts.next()?.parse::<u8>().ok()?).ok()?;
            let date = Date::from_calendar_date(year, month, parts.next()?.parse().ok()?).ok()?;
            Some(i64::from(date.to_julian_day() - UNIX_EPOCH_JULIAN) * DAY_MS)
        };
        day().map(|starts_ms| Self { starts_ms }).ok_or_else(|| format!("{text:?} is no day like 2026-11-01"))
    }
}
