//! Faults as text, for command lines and control requests.
//!
//! In: `<what>[=<time>][:<times>][@<label>=<value>]`. Out: a [`Fault`], or an error that teaches the grammar.
//!
//! | what | the sender sees |
//! |---|---|
//! | `200` to `599` | that status, and nothing is stored |
//! | `hang` | no answer, ever |
//! | `reset` | a connection that is reset |
//! | `slow` | the usual answer after 2 s, or after another time: `slow=500ms` |
//! | `drop` | a connection that is closed without an answer although the samples are stored |
//! | `trickle` | the head of a 503, then one byte of body a second without end |
//! | `refuse` | a 400 for the series after `@`, which it needs; the other series are stored |
//!
//! `:<times>` ends the fault after so many requests; `@<label>=<value>` restricts it to requests that hold a series
//! with that label. `503:2` is two unavailable answers, `drop:1@device=d1` one lost answer for that device.

use std::str::FromStr;
use std::time::Duration;

use super::fault::{Action, Fault, Matcher, SeriesMatcher};

/// How long `slow` takes if it is not told.
const SLOW: Duration = Duration::from_secs(2);

/// A byte a second: slow enough that a sender's time-out for the head does not end it, but one for the whole does.
const TRICKLE: Duration = Duration::from_secs(1);

/// Why a text is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultSyntaxError {
    /// No fault of that name.
    #[error(
        "{0:?} is no fault: say a status such as 503, or hang, reset, slow, drop, trickle or refuse \
         (as in 503:2, slow=500ms, drop:1@device=d1)"
    )]
    UnknownFault(String),
    /// No final answer has that status.
    #[error("status {0} cannot be answered: say 200 to 599")]
    StatusOutOfRange(u32),
    /// Only `slow` takes one.
    #[error("{what} takes no \"=\", but got {parameter:?}: only slow does, as in slow=500ms")]
    UnexpectedParameter {
        /// The fault.
        what: String,
        /// What follows the `=`.
        parameter: String,
    },
    /// No time.
    #[error("{0:?} is no time: say milliseconds or seconds, as in slow=500ms or slow=3s")]
    InvalidTime(String),
    /// No number of requests.
    #[error("{0:?} is no number of requests: say 1 or more, as in 503:2")]
    InvalidTimes(String),
    /// No label.
    #[error("{0:?} is no label: say name=value, as in 503@device=d1")]
    InvalidLabel(String),
    /// `refuse` without a series.
    #[error("refuse needs the series that it refuses, as in refuse@device=d1")]
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
        // Not a 200: a receiver that says so and stores nothing has lied, and no sender can get over that.
        "trickle" => Action::SlowTrickle { code: 503, interval: TRICKLE },
        "refuse" => {
            let series = series.ok_or(FaultSyntaxError::SeriesNeeded)?.clone();
            Action::RefuseSeries { series, code: 400, text: "series refused as told".to_owned() }
        }
        _ => Action::status(parse_status(what)?, "answered as told"),
    };
    match parameter {
        None => Ok(action),
        Some(parameter) => Err(FaultSyntaxError::UnexpectedParameter {
            what: what.to_owned(),
            parameter: parameter.to_owned(),
        }),
    }
}

/// RFC 9110, section 15.2: a status below 200 announces an answer, it is none.
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

    fn written(text: &str) -> String {
        match text.parse::<Fault>() {
            Ok(fault) => format!("{:?} {:?} {:?}", fault.action, fault.times, fault.when),
            Err(error) => error.to_string(),
        }
    }

    fn answer(code: u16) -> String {
        format!("Status {{ code: {code}, headers: [], body: b\"answered as told\" }}")
    }

    #[test]
    fn every_fault_has_a_name() {
        for (text, action) in [
            ("200", answer(200)),
            ("599", answer(599)),
            ("hang", "Hang".to_owned()),
            ("reset", "Reset".to_owned()),
            ("slow", "Delay(2s)".to_owned()),
            ("slow=500ms", "Delay(500ms)".to_owned()),
            ("slow=3s", "Delay(3s)".to_owned()),
            ("drop", "AcceptThenDrop".to_owned()),
            ("trickle", "SlowTrickle { code: 503, interval: 1s }".to_owned()),
        ] {
            assert_eq!(written(text), format!("{action} None Any"), "{text}");
        }
    }

    #[test]
    fn a_fault_is_restricted_to_some_requests_and_to_a_label() {
        assert_eq!(written("503:2"), format!("{} Some(2) Any", answer(503)));
        let series = r#"SeriesMatcher { label: "device", value: "a:b@c=d" }"#;
        assert_eq!(written("429:1@device=a:b@c=d"), format!("{} Some(1) {series}", answer(429)));
        assert_eq!(written("slow=1s:4@device=a:b@c=d"), format!("Delay(1s) Some(4) {series}"));
        let refuse =
            format!("RefuseSeries {{ series: {series}, code: 400, text: \"series refused as told\" }}");
        assert_eq!(written("refuse:3@device=a:b@c=d"), format!("{refuse} Some(3) {series}"));
    }

    #[test]
    fn what_is_no_fault_is_told_what_would_be() {
        for (text, words) in [
            ("", "\"\" is no fault: say a status such as 503, or hang"),
            ("explode", "\"explode\" is no fault"),
            ("Hang", "\"Hang\" is no fault"),
            ("+503", "\"+503\" is no fault"),
            ("199", "status 199 cannot be answered: say 200 to 599"),
            ("600", "status 600 cannot"),
            ("99999", "status 99999 cannot"),
            ("503=7", "503 takes no \"=\", but got \"7\""),
            ("hang=1s", "hang takes no \"=\""),
            ("slow=", "\"\" is no time: say milliseconds or seconds"),
            ("slow=5", "\"5\" is no time"),
            ("slow=ms", "\"ms\" is no time"),
            ("slow=-1s", "\"-1s\" is no time"),
            ("503:", "\"\" is no number of requests"),
            ("503:0", "\"0\" is no number of requests: say 1 or more"),
            ("503:two", "\"two\" is no number"),
            ("503:1:2", "\"1:2\" is no number"),
            ("503@", "\"\" is no label: say name=value"),
            ("503@device", "\"device\" is no label"),
            ("503@=d1", "\"=d1\" is no label"),
            ("503@device=", "\"device=\" is no label"),
            ("refuse", "refuse needs the series that it refuses, as in refuse@device=d1"),
            ("refuse:2", "refuse needs the series"),
        ] {
            let error = text.parse::<Fault>().expect_err(text).to_string();
            assert!(error.starts_with(words), "{text}: {error}");
        }
    }
}
