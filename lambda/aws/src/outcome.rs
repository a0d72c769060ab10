//! Outcomes: a status → [`Verdict`], in exactly one function; what came back of a write → [`Outcome`].

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

/// How much of an error body is read and reported.
pub const MAX_ERROR_BODY: usize = 1024;

/// How much of the error body of a query is read: it is JSON, with words that its caller has to see.
pub(crate) const MAX_QUERY_ERROR_BODY: usize = 16 * 1024;

/// How the error message of a query begins that took longer than the server allows (`promql.ErrQueryTimeout`).
const QUERY_TIMEOUT: &[u8] = b"query timed out";

/// What an HTTP status means for the bytes that were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// 2xx: the receiver has it.
    Delivered,
    /// The receiver refuses the data. The same data will be refused again.
    Rejected,
    /// The request is larger than the receiver takes; its parts may be fine.
    TooLarge,
    /// The receiver cannot take it now. The same bytes may be fine in a moment.
    Transient,
    /// The set-up is wrong (credentials, permissions, URL), not the data. The same bytes will be fine once a person
    /// has acted, so they are neither sent again now nor given up.
    Misconfigured,
}

/// Says what `status` means. Total: the statuses that no one has defined fall into their class.
///
/// Remote write 1.0, "Retries & Backoff": 5xx must be retried, 2xx and 4xx must not, 429 may. 408 is HTTP's own word
/// for "send it again" (RFC 9110, 15.5.9).
pub fn verdict_of_status(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Delivered,
        400 | 409 | 422 => Verdict::Rejected,
        413 => Verdict::TooLarge,
        408 | 429 | 500.. => Verdict::Transient,
        _ => Verdict::Misconfigured,
    }
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, as far as it was read. What errors show of it holds no secret of the request.
    pub body: Bytes,
}

/// What came of a request.
#[derive(Debug)]
pub struct Sent {
    /// A final answer, or the reason for its absence.
    pub result: Result<Answer, Failure>,
    /// The content type of a final answer.
    pub content_type: Option<String>,
    /// The attempts that it took.
    pub attempts: Attempts,
}

/// The attempts of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// How many there were.
    pub count: u32,
    /// From the first one to the end of the last one, with the waits between them.
    pub took: Duration,
}

/// Why there is no final answer.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What the last attempt failed with.
    pub cause: Cause,
    /// The last answer of the attempts before it, if the last one had none.
    pub earlier_answer: Option<Answer>,
    /// All attempts.
    pub attempts: Attempts,
}

/// Why one attempt has no final answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Cause {
    /// The answer may be another one later.
    #[error("the answer was {0}")]
    Answered(Answer),
    /// The connection could not be made, or broke. The text names the host.
    #[error("{0}")]
    Network(String),
    /// There was no answer in time.
    #[error("no answer")]
    TimedOut,
    /// There was no time for an attempt.
    #[error("there was no time left to send it")]
    OutOfTime,
    /// No credentials, or none that can sign.
    #[error("{0}")]
    Credentials(String),
    /// The host that hands out credentials did not answer in time.
    #[error("no AWS credentials: no answer from {0}")]
    CredentialsTimedOut(String),
}

/// What became of one write request.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The receiver has it.
    Delivered,
    /// The receiver refuses the data; parts of it may be fine.
    Rejected(Answer),
    /// The receiver takes only smaller requests.
    TooLarge(Answer),
    /// It could not be delivered now.
    Retryable(Failure),
}

impl From<Sent> for Outcome {
    fn from(sent: Sent) -> Self {
        match sent.result {
            Ok(answer) => match verdict_of_status(answer.status) {
                Verdict::Delivered => Self::Delivered,
                Verdict::Rejected => Self::Rejected(answer),
                Verdict::TooLarge => Self::TooLarge(answer),
                Verdict::Transient | Verdict::Misconfigured => {
                    Self::Retryable(Failure::new(Cause::Answered(answer), sent.attempts))
                }
            },
            Err(failure) => Self::Retryable(failure),
        }
    }
}

impl Failure {
    /// A failure with `cause` after `attempts`.
    pub fn new(cause: Cause, attempts: Attempts) -> Self {
        Self { cause, earlier_answer: None, attempts }
    }

    /// The last answer, whether the attempts ended with it or not.
    pub fn answer(&self) -> Option<&Answer> {
        if let Cause::Answered(answer) = &self.cause { Some(answer) } else { self.earlier_answer.as_ref() }
    }
}

/// What failed before any attempt.
impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self::new(cause, Attempts::default())
    }
}

impl std::error::Error for Failure {}

/// `no answer (3 attempts in 58.10 s); the last answer was 503 busy`
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        if self.attempts.count > 0 {
            write!(f, " ({})", self.attempts)?;
        }
        match &self.earlier_answer {
            Some(answer) => write!(f, "; the last answer was {answer}"),
            None => Ok(()),
        }
    }
}

/// `3 attempts in 58.10 s`
impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.count == 1 { "attempt" } else { "attempts" };
        write!(f, "{} {noun} in {:.2} s", self.count, self.took.as_secs_f64())
    }
}

/// `400 err: out of order sample`: the status and the receiver's own words, which are never interpreted
/// (remote write 1.0, "Protocol").
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words();
        write!(f, "{}", self.status)?;
        if words.is_empty() { Ok(()) } else { write!(f, " {words}") }
    }
}

impl Answer {
    /// The body as one trimmed line of text; bytes that are no text and control characters are replaced.
    pub fn words(&self) -> String {
        let bounded = &self.body[..self.body.len().min(MAX_ERROR_BODY)];
        one_line(&String::from_utf8_lossy(bounded))
    }

    /// Whether the server gave up a query for its duration: `query timed out in expression evaluation`. Prometheus
    /// calls it a `timeout` and Cortex a `server_error`, both with status 503.
    pub(crate) fn is_query_timeout(&self) -> bool {
        self.status >= 500 && self.body.windows(QUERY_TIMEOUT.len()).any(|text| text == QUERY_TIMEOUT)
    }
}

/// `text` without line breaks and other control characters, and without space around it.
pub(crate) fn one_line(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// An error with its causes on one line.
pub(crate) fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    one_line(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_exactly_one_meaning() {
        for status in 100..=599 {
            let expected = match status {
                200..300 => Verdict::Delivered,
                413 => Verdict::TooLarge,
                _ if [400, 409, 422].contains(&status) => Verdict::Rejected,
                _ if [408, 429].contains(&status) || status / 100 == 5 => Verdict::Transient,
                _ => Verdict::Misconfigured,
            };
            assert_eq!(verdict_of_status(status), expected, "{status}");
            let result = Ok(Answer { status, body: Bytes::new() });
            let outcome = Outcome::from(Sent { result, content_type: None, attempts: Attempts::default() });
            let agrees = match outcome {
                Outcome::Delivered => expected == Verdict::Delivered,
                Outcome::Rejected(_) => expected == Verdict::Rejected,
                Outcome::TooLarge(_) => expected == Verdict::TooLarge,
                Outcome::Retryable(_) => matches!(expected, Verdict::Transient | Verdict::Misconfigured),
            };
            assert!(agrees, "{status}: {outcome:?}");
        }
    }

    #[test]
    fn the_receivers_words_become_one_bounded_line() {
        let answer = |body: Vec<u8>| Answer { status: 400, body: body.into() };
        assert_eq!(answer(b"out of order\nsample\r\n".to_vec()).to_string(), "400 out of order sample");
        assert_eq!(answer(Vec::new()).to_string(), "400");
        assert_eq!(answer(vec![0xff, b'x']).to_string(), "400 \u{fffd}x");
        assert_eq!(answer(vec![b'x'; 5_000]).words().len(), MAX_ERROR_BODY);
    }

    #[test]
    fn a_failure_has_the_attempts_the_time_and_the_last_answer() {
        let attempts = |count, millis| Attempts { count, took: Duration::from_millis(millis) };
        let busy = || Answer { status: 503, body: "busy".into() };
        let failure = Failure::new(Cause::Answered(busy()), attempts(1, 20));
        assert_eq!(failure.to_string(), "the answer was 503 busy (1 attempt in 0.02 s)");
        assert_eq!(failure.answer(), Some(&busy()));
        let failure =
            Failure { earlier_answer: Some(busy()), ..Failure::new(Cause::TimedOut, attempts(9, 58_096)) };
        assert_eq!(failure.to_string(), "no answer (9 attempts in 58.10 s); the last answer was 503 busy");
        assert_eq!(failure.answer(), Some(&busy()));
        assert_eq!(Failure::from(Cause::OutOfTime).to_string(), "there was no time left to send it");
    }
}
