//! Decides whether to send a request again, how long to wait before, and how long an attempt may take.
//!
//! Exponential backoff with full jitter
//! (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>), never earlier than the receiver's
//! `Retry-After`, never past the deadline.

use std::time::{Duration, SystemTime};

/// The longest first wait. Short failures are over within milliseconds.
const BASE: Duration = Duration::from_millis(50);

/// The longest wait, unless the receiver requests a longer one.
const CAP: Duration = Duration::from_secs(5);

/// The longest attempt, however far the deadline is: AMP responds in well under a second.
const ATTEMPT: Duration = Duration::from_secs(10);

/// The shortest attempt worth sending.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(20);

/// The number of attempts of a query that may end without a response: a name that does not resolve, or a connection that
/// the server closes each time, does not change within seconds.
pub const UNANSWERED_QUERIES: u32 = 3;

/// Whether the same bytes are to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAction {
    /// The status is final.
    Done,
    /// Another attempt may get another status.
    Retry,
}

/// The action for an HTTP status of any service. Undefined statuses are treated as the first one of their class.
///
/// 408 and 429 are the client errors that allow for a repetition (RFC 9110, 15.5.9; RFC 6585, 4). Remote write 1.0,
/// "Retries & Backoff": 5xx must be retried, 2xx and 4xx must not, 429 may.
pub fn retry_action(status: u16) -> RetryAction {
    match status {
        408 | 429 | 500.. => RetryAction::Retry,
        _ => RetryAction::Done,
    }
}

/// The wait after failed attempt number `attempt` (from 1); `jitter` is uniform in 0 to 1.
pub fn backoff(attempt: u32, jitter: f64) -> Duration {
    let ceiling = BASE.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1))).min(CAP);
    ceiling.mul_f64(jitter.clamp(0.0, 1.0))
}

/// The time limit of the next attempt with `left` until the deadline: at most half of it, which leaves time for another
/// one. `None` when it is too late.
pub fn attempt_timeout(left: Duration) -> Option<Duration> {
    let timeout = (left / 2).min(ATTEMPT);
    (timeout >= SHORTEST_ATTEMPT).then_some(timeout)
}

/// The time limit of the next attempt of a query with `left` until the deadline: three quarters of it. A query may
/// compute for a minute (AMP, "Query time"), and one that hangs leaves time for another attempt. `None` when it is too
/// late.
pub fn query_timeout(left: Duration) -> Option<Duration> {
    let timeout = left / 4 * 3;
    (timeout >= SHORTEST_ATTEMPT).then_some(timeout)
}

/// The time limit of the next attempt with `left` until the deadline, if an attempt that is given up may have had its
/// effect: all of it. `None` when it is too late.
pub fn patient_timeout(left: Duration) -> Option<Duration> {
    let timeout = left.min(ATTEMPT);
    (timeout >= SHORTEST_ATTEMPT).then_some(timeout)
}

/// Reads a `Retry-After` header: seconds, or an HTTP date, which `now` turns into a wait (RFC 9110, 10.2.3).
/// `None` for anything else; a date in the past is a wait of zero.
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn every_status_has_one_action() {
        for status in 100..=599 {
            let is_retried = [408, 429].contains(&status) || status / 100 == 5;
            assert_eq!(retry_action(status) == RetryAction::Retry, is_retried, "{status}");
        }
    }

    #[test]
    fn backoff_doubles_up_to_its_cap_with_full_jitter() {
        let longest: Vec<_> = (1..=9).map(|attempt| backoff(attempt, 1.0).as_millis()).collect();
        assert_eq!(longest, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff(5, 0.0), Duration::ZERO);
        assert_eq!(backoff(5, 0.5), Duration::from_millis(400));
        assert_eq!(backoff(u32::MAX, 1.0), CAP);
    }

    #[test]
    fn an_attempt_leaves_time_for_another_one() {
        assert_eq!(attempt_timeout(Duration::from_secs(3)), Some(Duration::from_millis(1500)));
        assert_eq!(attempt_timeout(Duration::from_mins(15)), Some(ATTEMPT));
        assert_eq!(attempt_timeout(Duration::from_millis(39)), None);
        assert_eq!(attempt_timeout(Duration::ZERO), None);
    }

    #[test]
    fn a_query_has_most_of_the_time_but_not_all() {
        assert_eq!(query_timeout(Duration::from_mins(1)), Some(Duration::from_secs(45)));
        assert_eq!(query_timeout(Duration::from_millis(26)), None);
        assert_eq!(query_timeout(Duration::ZERO), None);
    }

    #[test]
    fn a_patient_attempt_has_all_of_the_time() {
        assert_eq!(patient_timeout(Duration::from_secs(3)), Some(Duration::from_secs(3)));
        assert_eq!(patient_timeout(Duration::from_mins(15)), Some(ATTEMPT));
        assert_eq!(patient_timeout(Duration::from_millis(19)), None);
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        let read = |value| retry_after(value, now);
        assert_eq!(read("0"), Some(Duration::ZERO));
        assert_eq!(read(" 120 "), Some(Duration::from_mins(2)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:40 GMT"), Some(Duration::from_secs(3)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:00 GMT"), Some(Duration::ZERO), "a date in the past");
        assert_eq!(read("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        for invalid in ["", "-1", "1.5", "soon", "+5"] {
            assert_eq!(read(invalid), None, "{invalid:?}");
        }
    }
}
