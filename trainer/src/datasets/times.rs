//! Can this have happened then? Times before anybody kept such logs, and after tomorrow, are in another unit most likely.

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    Dataset, date,
    report::{Fault, Rejection},
};

/// No data set that is read here is older.
const EARLIEST_YEAR: i64 = 1990;
/// How far clocks may be ahead of each other.
const CLOCKS_MS: i64 = 86_400_000;

/// What the numbers of a file count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Milliseconds,
    Seconds,
}

impl Unit {
    fn in_ms(self) -> i64 {
        match self {
            Self::Milliseconds => 1,
            Self::Seconds => 1000,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "milliseconds",
            Self::Seconds => "seconds",
        }
    }
}

/// Milliseconds since 1970; a clock that is before it tells nothing, and then no time is in the future.
#[must_use]
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(i64::MAX)
}

/// A time that a log can have, in milliseconds: from 1990 on, and not after tomorrow.
///
/// # Errors
/// Says the day that the number stands for, and in which unit it is where it would fit in another.
pub fn check(number: i64, unit: Unit, now_ms: i64) -> Result<i64, Fault> {
    let earliest_ms = date::day_ms(EARLIEST_YEAR, 1, 1).unwrap_or(0);
    let latest_ms = now_ms.saturating_add(CLOCKS_MS);
    let fits = |time_ms: i64| (earliest_ms..=latest_ms).contains(&time_ms);
    let time_ms = number.saturating_mul(unit.in_ms());
    if fits(time_ms) {
        return Ok(time_ms);
    }
    let counted = format!("times here are in {} since 1970-01-01 UTC", unit.name());
    let (kind, reason, remedy) = if time_ms < earliest_ms {
        let reason = format!("the time {number} is on {}, before {EARLIEST_YEAR}", date::day(time_ms));
        let is_seconds = unit == Unit::Milliseconds && fits(number.saturating_mul(1000));
        let remedy = is_seconds.then(|| "this one fits seconds: multiply it by 1000".to_owned());
        ("time too early", reason, remedy)
    } else {
        let reason = format!("the time {number} is on {}, in the future", date::day(time_ms));
        let factors = [(1000, "microseconds"), (1_000_000, "nanoseconds")];
        let remedy =
            factors.into_iter().find(|(factor, _)| fits(time_ms / factor)).map(|(factor, name)| match unit {
                Unit::Milliseconds => format!("this one fits {name}: divide it by {factor}"),
                Unit::Seconds => format!("this one is {factor} times as large: divide it by {factor}"),
            });
        ("time in the future", reason, remedy)
    };
    let remedy = remedy.unwrap_or_else(|| "mend the time or remove the line".to_owned());
    Err(Fault::new(kind, reason, format!("{counted}; {remedy}")))
}

/// Interactions at impossible times, of formats whose lines were not looked at one by one.
#[must_use]
pub fn impossible(folder: &Path, dataset: &Dataset, now_ms: i64) -> Option<Rejection> {
    let check = |time_ms: i64| check(time_ms, Unit::Milliseconds, now_ms).err();
    let mut faults = dataset.histories.iter().flatten().filter_map(|interaction| check(interaction.time_ms));
    let first = faults.next()?;
    let reason = match faults.count() {
        0 => first.reason,
        more => format!("{}, and {more} more interactions like it", first.reason),
    };
    let hint =
        "the column of times is read in another unit than it is written in; convert it, or remove the rows";
    Some(Rejection::new(folder, 1, Fault { reason, hint: hint.to_owned(), ..first }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01.
    const NOW_MS: i64 = 1_767_225_600_000;

    #[test]
    fn a_unit_is_named_only_where_the_number_fits_it() {
        let said = |number, unit| {
            let fault = check(number, unit, NOW_MS).unwrap_err();
            format!("{} | {}", fault.reason, fault.hint)
        };
        for (number, words) in [
            (
                1_700_000_000,
                "on 1970-01-20, before 1990 | times here are in milliseconds since 1970-01-01 UTC; this one fits seconds: multiply it by 1000",
            ),
            (1_700_000_000_000_000, "; this one fits microseconds: divide it by 1000"),
            (1_700_000_000_000_000_000, "; this one fits nanoseconds: divide it by 1000000"),
            (0, "on 1970-01-01, before 1990 | times here are in milliseconds since 1970-01-01 UTC; mend"),
            (
                1_990_000_000_000,
                "on 2033-01-22, in the future | times here are in milliseconds since 1970-01-01 UTC; mend",
            ),
        ] {
            assert!(said(number, Unit::Milliseconds).contains(words), "{}", said(number, Unit::Milliseconds));
        }
        // What is in seconds is never told of milliseconds.
        for (number, words) in [
            (880_000, "on 1970-01-11, before 1990 | times here are in seconds since 1970-01-01 UTC; mend"),
            (
                1_990_000_000,
                "on 2033-01-22, in the future | times here are in seconds since 1970-01-01 UTC; mend",
            ),
            (880_000_000_000, "; this one is 1000 times as large: divide it"),
            (i64::MAX, "in the future"),
        ] {
            let said = said(number, Unit::Seconds);
            assert!(said.contains(words) && !said.contains("milli"), "{said}");
        }
        assert_eq!(check(880_000_000, Unit::Seconds, NOW_MS), Ok(880_000_000_000));
        assert_eq!(check(NOW_MS + 1000, Unit::Milliseconds, NOW_MS), Ok(NOW_MS + 1000));
    }
}
