//! Parses faults from text, for command lines and control requests: `<what>[=<time>][:<times>][@<label>=<value>]`.
//!
//! | what | effect on a write request |
//! |---|---|
//! | `200` to `599` | this status, and nothing is stored |
//! | `hang` | no answer, ever |
//! | `reset` | the connection is reset |
//! | `slow` | the usual answer after 2 s, or after another time: `slow=500ms` |
//! | `drop` | it is stored, and the connection is closed without an answer |
//! | `trickle` | the head of a 503, then one byte of body a second without end |
//! | `refuse` | a 400 for the series after `@`, which is required; the other series are stored |
//!
//! `:<times>` ends the fault after this number of requests; `@<label>=<value>` restricts it to requests that hold a
//! series with that label. `503:2` makes two requests fail with 503, `drop:1@device=d1` loses one answer for that device.

use std::str::FromStr;
use std::time::Duration;

use super::fault::{Action, Fault, Matcher, SeriesMatcher};

/// The default delay of `slow`.
const SLOW: Duration = Duration::from_secs(2);

/// A byte a second: a sender's timeout for the head does not end it, but one for the whole answer does.
const TRICKLE: Duration = Duration::from_secs(1);

/// The text is not a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultSyntaxError {
    /// Unknown name.
    #[error(
        "unknown fault {0:?}: expected a status such as 503, or hang, reset, slow, drop, trickle or refuse \
         (as in 503:2, slow=500ms, drop:1@device=d1)"
    )]
    UnknownFault(String),
    /// A status that cannot be answered.
    #[error("expected a status of 200 to 599, got {0}")]
    StatusOutOfRange(u32),
    /// A parameter for a fault without one.
    #[error("unexpected \"={parameter}\" after {what}: only slow has a time, as in slow=500ms")]
    UnexpectedParameter {
        /// The fault.
        what: String,
        /// The text after the `=`.
        parameter: String,
    },
    /// Invalid time.
    #[error("expected milliseconds or seconds, as in slow=500ms or slow=3s, got {0:?}")]
    InvalidTime(String),
    /// Invalid number of requests.
    #[error("expected a number of requests of 1 or more, as in 503:2, got {0:?}")]
    InvalidTimes(String),
    /// Invalid label.
    #[error("expected a label as name=value, as in 503@device=d1, got {0:?}")]
    InvalidLabel(String),
    /// `refuse` without a series.
    #[error("refuse requires a label, as in refuse@device=d1")]
    SeriesNeeded,
}

impl FromStr for Fault {
    type Err = FaultSyntaxError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The label comes last, so that its value may hold anything.
        let (rest, series) = match text.split_once('@') {
            None => (text, None),
            Some((rest, label)) => (rest, Some(parse_label(label)?)),
        };
        let (rest, times) = match rest.split_once(':') {
            None => (rest, None),
            Some((rest, times)) => (rest, Some(parse_times(times)?)),
        };
        let (what, parameter) = match rest.split_once('=') {
            None => (rest, None),
            Some((what, parameter)) => (what, Some(parameter)),
        };
        let action = parse_action(what, parameter, series.as_ref())?;
        let when = series.map_or(Matcher::Any, Matcher::Series);
        Ok(Self { when, times, action })
    }
}

fn parse_action(
    what: &str,
    parameter: Option<&str>,
    series: Option<&SeriesMatcher>,
) -> Result<Action, FaultSyntaxError> {
    let action = match what {
        "slow" => return Ok(Action::Delay(parameter.map_or(Ok(SLOW), parse_time)?)),
        "hang" => Action::Hang,
        "reset" => Action::Reset,
        "drop" => Action::AcceptThenDrop,
        // Not a 200: a receiver that confirms samples and stores none loses data, whatever the sender does.
        "trickle" => Action::SlowTrickle { code: 503, interval: TRICKLE },
        "refuse" => {
            let series = series.ok_or(FaultSyntaxError::SeriesNeeded)?.clone();
            Action::RefuseSeries { series, code: 400, text: "series refused by a fault".to_owned() }
        }
        _ => Action::status(parse_status(what)?, "answered by a fault"),
    };
    match parameter {
        None => Ok(action),
        Some(parameter) => Err(FaultSyntaxError::UnexpectedParameter {
            what: what.to_owned(),
            parameter: parameter.to_owned(),
        }),
    }
}

/// RFC 9110, section 15.2: a status below 200 announces an answer.
fn parse_status(text: &str) -> Result<u16, FaultSyntaxError> {
    let status = digits(text).ok_or_else(|| FaultSyntaxError::UnknownFault(text.to_owned()))?;
    let code = u16::try_from(status).ok().filter(|code| (200..600).contains(code));
    code.ok_or(FaultSyntaxError::StatusOutOfRange(status))
}

fn parse_time(text: &str) -> Result<Duration, FaultSyntaxError> {
    let milliseconds = text.strip_suffix("ms").and_then(digits).map(|n| Duration::from_millis(n.into()));
    let seconds = || text.strip_suffix('s').and_then(digits).map(|n| Duration::from_secs(n.into()));
    milliseconds.or_else(seconds).ok_or_else(|| FaultSyntaxError::InvalidTime(text.to_owned()))
}

fn parse_times(text: &str) -> Result<u32, FaultSyntaxError> {
    let times = digits(text).filter(|times| *times > 0);
    times.ok_or_else(|| FaultSyntaxError::InvalidTimes(text.to_owned()))
}

fn parse_label(text: &str) -> Result<SeriesMatcher, FaultSyntaxError> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok(SeriesMatcher::new(name, value)),
        _ => Err(FaultSyntaxError::InvalidLabel(text.to_owned())),
    }
}

/// `u32::from_str` would take a plus sign.
fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match text.parse::<Fault>() {
            Ok(fault) => format!("{:?} {:?} {:?}", fault.action, fault.times, fault.when),
            Err(error) => error.to_string(),
        }
    }

    fn answer(code: u16) -> String {
        format!("Status {{ code: {code}, headers: [], body: b\"answered by a fault\" }}")
    }

    #[test]
    fn every_fault_has_a_name() {
        for (text, action) in [
            ("200", &*answer(200)),
            ("599", &answer(599)),
            ("hang", "Hang"),
            ("reset", "Reset"),
            ("slow", "Delay(2s)"),
            ("slow=500ms", "Delay(500ms)"),
            ("slow=3s", "Delay(3s)"),
            ("drop", "AcceptThenDrop"),
            ("trickle", "SlowTrickle { code: 503, interval: 1s }"),
        ] {
            assert_eq!(parsed(text), format!("{action} None Any"), "{text}");
        }
    }

    #[test]
    fn a_fault_is_restricted_in_number_and_to_a_label() {
        assert_eq!(parsed("503:2"), format!("{} Some(2) Any", answer(503)));
        let series = r#"SeriesMatcher { label: "device", value: "a:b@c=d" }"#;
        assert_eq!(parsed("429:1@device=a:b@c=d"), format!("{} Some(1) {series}", answer(429)));
        assert_eq!(parsed("slow=1s:4@device=a:b@c=d"), format!("Delay(1s) Some(4) {series}"));
        let refuse =
            format!("RefuseSeries {{ series: {series}, code: 400, text: \"series refused by a fault\" }}");
        assert_eq!(parsed("refuse:3@device=a:b@c=d"), format!("{refuse} Some(3) {series}"));
    }

    #[test]
    fn an_error_names_the_text_and_the_expected_form() {
        for (text, error) in [
            ("", "unknown fault \"\": expected a status such as 503, or hang"),
            ("explode", "unknown fault \"explode\""),
            ("Hang", "unknown fault \"Hang\""),
            ("+503", "unknown fault \"+503\""),
            ("199", "expected a status of 200 to 599, got 199"),
            ("600", "expected a status of 200 to 599, got 600"),
            ("99999", "expected a status of 200 to 599, got 99999"),
            ("503=7", "unexpected \"=7\" after 503: only slow has a time"),
            ("hang=1s", "unexpected \"=1s\" after hang"),
            ("slow=", "expected milliseconds or seconds, as in slow=500ms or slow=3s, got \"\""),
            ("slow=5", "expected milliseconds or seconds"),
            ("slow=ms", "expected milliseconds or seconds"),
            ("slow=-1s", "expected milliseconds or seconds"),
            ("503:", "expected a number of requests of 1 or more, as in 503:2, got \"\""),
            ("503:0", "expected a number of requests"),
            ("503:two", "expected a number of requests"),
            ("503:1:2", "expected a number of requests"),
            ("503@", "expected a label as name=value, as in 503@device=d1, got \"\""),
            ("503@device", "expected a label"),
            ("503@=d1", "expected a label"),
            ("503@device=", "expected a label"),
            ("refuse", "refuse requires a label, as in refuse@device=d1"),
            ("refuse:2", "refuse requires a label"),
        ] {
            assert!(parsed(text).starts_with(error), "{text}: {}", parsed(text));
        }
    }
}
