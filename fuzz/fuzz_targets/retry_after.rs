//! Checks `Retry-After`. The input is eight bytes of the time of day, eight of another time, and the text of a header.
#![no_main]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws::retry::retry_after;
use libfuzzer_sys::fuzz_target;

/// The end of the year 9999, in seconds since the epoch: later years have no HTTP date.
const END: u64 = 253_402_300_800;

fuzz_target!(|input: (u64, u64, &str)| {
    let (now, date, text) = (input.0 % END, input.1 % END, input.2);
    let time = UNIX_EPOCH + Duration::from_secs(now);
    let left = Duration::from_secs(date.saturating_sub(now));
    let text_of_date = http_date(date);
    assert_eq!(retry_after(&text_of_date, time), Some(left), "{text_of_date}");
    check(text, time);
});

fn check(text: &str, now: SystemTime) {
    let wait = retry_after(text, now);
    let trimmed = text.trim();
    if !trimmed.is_empty() && trimmed.bytes().all(|b| b.is_ascii_digit()) {
        let seconds = trimmed
            .bytes()
            .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
        assert_eq!(wait, Some(Duration::from_secs(seconds)));
    } else if wait.is_some() {
        // The shortest form of a date is that of `asctime`, in any case but with a year.
        assert!(trimmed.len() >= 24 && trimmed.is_ascii(), "{text:?} is not a date");
    }
}

/// RFC 9110, 5.6.7, `IMF-fixdate`, by counting years and months.
fn http_date(seconds: u64) -> String {
    let (mut day, of_day) = (seconds / 86_400, seconds % 86_400);
    let weekday =
        ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][usize::try_from(day % 7).expect("below 7")];
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{weekday}, {:02} {} {year:04} {hour:02}:{minute:02}:{second:02} GMT", day + 1, names[month])
}
