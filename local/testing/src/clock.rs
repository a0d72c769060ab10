//! The time of day as an argument: servers ask a [`Clock`], tests decide what it says.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time in milliseconds since the Unix epoch.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The clock of this machine.
    pub fn system() -> Self {
        Self::from_fn(system_time_ms)
    }

    /// A clock that stands still.
    pub fn fixed(now_ms: i64) -> Self {
        Self::from_fn(move || now_ms)
    }

    /// A clock that says whatever `now_ms` says.
    pub fn from_fn(now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_ms))
    }

    /// The time in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({} ms)", self.now_ms())
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock of the machine")]
fn system_time_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// A date and time in UTC, as far as signatures need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcTime {
    /// Year, month (1 to 12), day (1 to 31).
    pub date: (i64, u32, u32),
    /// Hour, minute, second.
    pub time: (u32, u32, u32),
    /// Milliseconds of the second.
    pub millis: u32,
}

impl UtcTime {
    /// Splits milliseconds since the epoch into a calendar date and a time of day.
    pub fn from_epoch_ms(ms: i64) -> Self {
        let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
        let of_day = u32::try_from(of_day).expect("a remainder of a day in milliseconds fits in 32 bits");
        Self {
            date: civil_from_days(days),
            time: (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1_000 % 60),
            millis: of_day % 1_000,
        }
    }

    /// The ISO 8601 basic format of `X-Amz-Date`: `20230214T180017Z`.
    pub fn iso_basic(self) -> String {
        let ((year, month, day), (hour, minute, second)) = (self.date, self.time);
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }

    /// RFC 3339 with milliseconds: `2023-02-14T18:00:17.000Z`.
    pub fn rfc3339(self) -> String {
        let ((year, month, day), (hour, minute, second)) = (self.date, self.time);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", self.millis)
    }
}

/// Parses the ISO 8601 basic format of `X-Amz-Date` to milliseconds since the epoch.
pub fn epoch_ms_from_iso_basic(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1_000)
}

/// Days since 1970-01-01 to year, month, day of the Gregorian calendar, counted in years that begin in March:
/// then the leap day is the last one and the lengths of the months follow one formula.
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let small = |n: i64| u32::try_from(n).expect("months and days are small positive numbers");
    (year, small(month), small(day))
}

/// The inverse of [`civil_from_days`].
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_aws_writes_them() {
        assert_eq!(UtcTime::from_epoch_ms(1_440_938_160_000).iso_basic(), "20150830T123600Z");
        assert_eq!(UtcTime::from_epoch_ms(1_676_398_017_123).rfc3339(), "2023-02-14T18:06:57.123Z");
        assert_eq!(UtcTime::from_epoch_ms(951_782_400_000).iso_basic(), "20000229T000000Z");
    }

    #[test]
    fn a_written_date_reads_back_for_every_day_of_four_centuries() {
        for day in -30_000..120_000_i64 {
            let ms = day * 86_400_000 + 43_201_000;
            assert_eq!(epoch_ms_from_iso_basic(&UtcTime::from_epoch_ms(ms).iso_basic()), Some(ms));
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in
            ["", "20150830", "20150830T123600", "20151330T123600Z", "20150830T243600Z", "2015é830T12360Z"]
        {
            assert_eq!(epoch_ms_from_iso_basic(text), None, "{text}");
        }
    }
}
