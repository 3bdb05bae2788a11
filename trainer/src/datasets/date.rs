//! When was that? Dates as data sets write them, as milliseconds since 1970-01-01 UTC.

const DAY_MS: i64 = 86_400_000;

/// `2015-12-31`, alone or followed by a time of day: ` 08:26:00`, `T08:26`, with or without ` UTC`.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches(" UTC").trim_end_matches('Z');
    let (day, clock) = text.split_once([' ', 'T']).map_or((text, None), |(day, clock)| (day, Some(clock)));
    let mut parts = day.split('-').map(|part| part.parse::<i64>().ok());
    let day_ms = day_ms(parts.next()??, parts.next()??, parts.next()??)?;
    if parts.next().is_some() {
        return None;
    }
    let Some(clock) = clock else { return Some(day_ms) };
    let mut units = [0_i64; 3];
    let parts: Vec<&str> = clock.split(':').collect();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    for (unit, part) in units.iter_mut().zip(parts) {
        *unit = part.parse().ok()?;
    }
    let [hours, minutes, seconds] = units;
    let is_clock = (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..=60).contains(&seconds);
    is_clock.then_some(day_ms + ((hours * 60 + minutes) * 60 + seconds) * 1000)
}

/// The first moment of a day of the Gregorian calendar.
///
/// # Source
/// `days_from_civil` of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so
/// that the leap day comes last.
#[must_use]
pub fn day_ms(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(0..=9999).contains(&year) || !(1..=days).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some((era * 146_097 + day_of_era - 719_468) * DAY_MS)
}

/// The day of a time, as `2015-12-31`.
///
/// # Source
/// `civil_from_days`, as [`day_ms`].
#[must_use]
pub fn day(time_ms: i64) -> String {
    let days = time_ms.div_euclid(DAY_MS) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{:02}", day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `date -u -d ... +%s`.
    #[test]
    fn known_moments() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("2000-02-29", 951_782_400),
            ("1998-01-22", 885_427_200),
            ("2010-12-01 08:26:00", 1_291_191_960),
            ("2019-10-01 02:50:00 UTC", 1_569_898_200),
            ("1969-12-31T23:59", -60),
        ] {
            assert_eq!(parse(text), Some(seconds * 1000), "{text}");
            assert_eq!(day(seconds * 1000), text[..10]);
        }
    }

    #[test]
    fn no_dates() {
        for text in ["", "2015", "2015-02-29", "2015-13-01", "2015-1-1-1", "2015-01-01 24:00", "2015-01-01 1"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
