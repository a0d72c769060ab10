//! Responses, and the reasons why a request has none.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

use bytes::Bytes;

use crate::text::one_line;

/// How much of an error body is read and reported, in bytes.
pub const MAX_ERROR_BODY: usize = 1024;

/// How much of the error body of a query is read, in bytes: it is JSON with a message for the caller.
pub(crate) const MAX_QUERY_ERROR_BODY: usize = 16 * 1024;

/// The start of the error message of a query that took longer than the server allows (`promql.ErrQueryTimeout`).
const QUERY_TIMEOUT: &[u8] = b"query timed out";

/// A final response: any status, except where the request is to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header `content-type`.
    pub content_type: Option<Box<str>>,
    /// The number of samples that a receiver of remote write 2.0 reports to have written, with native histograms; `None` if
    /// it reports none.
    pub written: Option<u32>,
    /// The body, as far as it was read, without secrets of the request.
    pub body: Bytes,
    /// The attempts up to this response.
    pub attempts: Attempts,
}

/// The attempts of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// The number of attempts.
    pub count: u32,
    /// The time from the first attempt to the end of the last one, with the waits between them.
    pub elapsed: Duration,
}

/// The reason why there is no final response.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The error of the last attempt.
    pub cause: Cause,
    /// The last response of the attempts before it, if the last one had none.
    pub earlier_response: Option<Box<Response>>,
    /// All attempts.
    pub attempts: Attempts,
}

/// The reason why one attempt has no final response.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Cause {
    /// A response that may be another one later.
    #[error("the answer was {0}")]
    Answered(Response),
    /// The connection failed. The text names the host.
    #[error("{0}")]
    Network(String),
    /// No response in time.
    #[error("no answer")]
    TimedOut,
    /// No time for an attempt.
    #[error("there was no time left to send it")]
    OutOfTime,
    /// No credentials, or none that can sign.
    #[error("{0}")]
    Credentials(String),
    /// The host that provides credentials did not respond in time.
    #[error("no AWS credentials: no answer from {0}")]
    CredentialsTimedOut(String),
}

impl Response {
    /// A response without a content type and without attempts.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, content_type: None, written: None, body: body.into(), attempts: Attempts::default() }
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether a remote-write receiver has stored the request. With 202, Cortex stores nothing of it. Other paths of a
    /// server may answer 2xx with a body, which receivers do not.
    pub fn is_stored(&self) -> bool {
        self.is_success() && self.status != 202 && self.body.is_empty()
    }

    /// The body as one line of text of at most [`MAX_ERROR_BODY`] bytes of the body.
    pub fn message(&self) -> String {
        let bounded = &self.body[..self.body.len().min(MAX_ERROR_BODY)];
        one_line(&String::from_utf8_lossy(bounded))
    }

    /// Whether the server gave up a query for its duration: `query timed out in expression evaluation`. Prometheus
    /// calls it a `timeout` and Cortex a `server_error`, both with status 503.
    pub(crate) fn is_query_timeout(&self) -> bool {
        self.status >= 500 && self.body.windows(QUERY_TIMEOUT.len()).any(|text| text == QUERY_TIMEOUT)
    }
}

impl Failure {
    /// A failure with `cause` after `attempts`.
    pub fn new(cause: Cause, attempts: Attempts) -> Self {
        Self { cause, earlier_response: None, attempts }
    }

    /// A failure that the response itself is, after its attempts.
    pub fn answered(response: Response) -> Self {
        let attempts = response.attempts;
        Self::new(Cause::Answered(response), attempts)
    }

    /// The last response, whether it ended the attempts or not.
    pub fn response(&self) -> Option<&Response> {
        match &self.cause {
            Cause::Answered(response) => Some(response),
            _ => self.earlier_response.as_deref(),
        }
    }
}

/// Attempts after others.
impl Add for Attempts {
    type Output = Self;

    fn add(self, later: Self) -> Self {
        Self { count: self.count + later.count, elapsed: self.elapsed + later.elapsed }
    }
}

/// A failure before any attempt.
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
        match &self.earlier_response {
            Some(response) => write!(f, "; the last answer was {response}"),
            None => Ok(()),
        }
    }
}

/// `3 attempts in 58.10 s`
impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.count == 1 { "attempt" } else { "attempts" };
        write!(f, "{} {noun} in {:.2} s", self.count, self.elapsed.as_secs_f64())
    }
}

/// `400 err: out of order sample`: the status and the receiver's message, which is never interpreted
/// (remote write 1.0, "Protocol").
impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message();
        write!(f, "{}", self.status)?;
        if message.is_empty() { Ok(()) } else { write!(f, " {message}") }
    }
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
    fn the_message_of_a_response_is_one_bounded_line() {
        let response = |body: &[u8]| Response::new(400, body.to_vec());
        assert_eq!(response(b"out of order\nsample\r\n").to_string(), "400 out of order sample");
        assert_eq!(response(b"").to_string(), "400");
        assert_eq!(response(&[0xff, b'x']).to_string(), "400 \u{fffd}x");
        assert_eq!(response(&[b'x'; 5_000]).message().len(), MAX_ERROR_BODY);
    }

    #[test]
    fn a_failure_shows_attempts_time_and_last_response() {
        let attempts = |count, millis| Attempts { count, elapsed: Duration::from_millis(millis) };
        let busy = || Response::new(503, "busy");
        let failure = Failure::new(Cause::Answered(busy()), attempts(1, 20));
        assert_eq!(failure.to_string(), "the answer was 503 busy (1 attempt in 0.02 s)");
        assert_eq!(failure.response(), Some(&busy()));
        let earlier_response = Some(Box::new(busy()));
        let failure = Failure { earlier_response, ..Failure::new(Cause::TimedOut, attempts(9, 58_096)) };
        assert_eq!(failure.to_string(), "no answer (9 attempts in 58.10 s); the last answer was 503 busy");
        assert_eq!(failure.response(), Some(&busy()));
        assert_eq!(Failure::from(Cause::OutOfTime).to_string(), "there was no time left to send it");
    }
}
