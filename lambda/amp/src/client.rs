//! Client: a request and a deadline → the answer, over as many attempts as it takes.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use bytes::{Bytes, BytesMut};
use http::header::{HeaderName, RETRY_AFTER};
use http::{HeaderValue, Method, Uri};
use tokio::time::{Instant, sleep, timeout_at};

use crate::credentials::CredentialsCache;
use crate::http_client::http_client;
use crate::outcome::{
    Answer, Failure, MAX_ERROR_BODY, MAX_QUERY_ERROR_BODY, Verdict, explain, verdict_of_status,
};
use crate::retry;
use crate::sign::{Scope, sign};
use crate::throttling::is_throttled;

/// The header that carries the session token of temporary credentials.
const TOKEN_HEADER: &str = "x-amz-security-token";

/// What stands in its place in what is reported.
const HIDDEN: &str = "(hidden)";

/// What comes from outside: the clock and the randomness.
#[derive(Clone, Copy, Debug)]
pub struct World {
    /// The time of day, for signatures and `Retry-After` dates.
    pub now: fn() -> SystemTime,
    /// Uniform in 0 to 1, for the jitter of the backoff.
    pub random: fn() -> f64,
}

/// A request that can be sent, and sent again.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The absolute URL.
    pub uri: Uri,
    /// All headers but `host`, `content-length` and those of the signature.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
    /// What to sign for; `None` sends the request unsigned.
    pub scope: Option<Scope>,
    /// How much of the body of a 2xx answer is wanted, in bytes. With 0 it is not read at all.
    pub wanted_body: usize,
}

impl Request {
    /// What `answer` means for this request: what its status says, unless an AWS service reports throttling.
    pub fn verdict(&self, answer: &Answer) -> Verdict {
        let is_aws_json = self.headers.iter().any(|(name, _)| name == "x-amz-target");
        if is_aws_json && is_throttled(answer) {
            Verdict::Transient
        } else {
            verdict_of_status(answer.status)
        }
    }
}

/// What came of a request.
#[derive(Debug)]
pub struct Sent {
    /// A final answer, or why there is none.
    pub result: Result<Answer, Failure>,
    /// How often the request was sent.
    pub attempts: u32,
}

/// What requests are for: how long an attempt may take, and what a broken answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// The receiver answers at once, and its status says all: a body that breaks off changes nothing.
    Write,
    /// The answer may take long, and its body is what was asked for: one that breaks off is no answer.
    Query,
}

/// One HTTP client with its connections, credentials and backoff.
pub struct Client {
    http: reqwest::Client,
    credentials: CredentialsCache,
    purpose: Purpose,
    world: World,
}

impl Client {
    /// A client that signs with credentials of the standard chain, whose own requests are signed for `region`.
    pub fn new(region: Option<String>, world: World) -> Self {
        let http = http_client();
        let credentials = CredentialsCache::standard(http.clone(), region);
        Self { http, credentials, purpose: Purpose::Write, world }
    }

    /// A client that signs with credentials of `provider`.
    pub fn with_credentials(provider: impl ProvideCredentials + 'static, world: World) -> Self {
        let credentials = CredentialsCache::new(provider);
        Self { http: http_client(), credentials, purpose: Purpose::Write, world }
    }

    /// The same client for queries: an attempt may take most of the time that is left, and a 2xx answer whose body
    /// breaks off is sent for again.
    #[must_use]
    pub fn for_queries(self) -> Self {
        Self { purpose: Purpose::Query, ..self }
    }

    /// Sends `request` until there is a final answer: any but a transient one (5xx, 408, 429). Gives up at
    /// `deadline`, or earlier when the receiver asks for a wait that goes past it, and answers in time.
    pub async fn send(&self, request: &Request, deadline: Instant) -> Sent {
        let attempt_timeout = match self.purpose {
            Purpose::Write => retry::attempt_timeout,
            Purpose::Query => retry::query_timeout,
        };
        self.send_in_attempts(request, deadline, attempt_timeout).await
    }

    /// [`Client::send`] for requests that have an effect each time: an attempt is not given up for another one while it
    /// may still be answered.
    pub async fn send_patiently(&self, request: &Request, deadline: Instant) -> Sent {
        self.send_in_attempts(request, deadline, retry::patient_timeout).await
    }

    async fn send_in_attempts(
        &self,
        request: &Request,
        deadline: Instant,
        attempt_timeout: fn(Duration) -> Option<Duration>,
    ) -> Sent {
        let mut attempts = 0;
        let mut last = Failure::OutOfTime;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(timeout) = attempt_timeout(left) else {
                return Sent { result: Err(last), attempts };
            };
            attempts += 1;
            let wait = match self.attempt(request, timeout).await {
                Attempt::Answered { answer, retry_after } => {
                    if request.verdict(&answer) != Verdict::Transient {
                        return Sent { result: Ok(answer), attempts };
                    }
                    last = Failure::Answered(answer);
                    retry_after
                }
                // The chain has its own retries; what it says in the end does not change in seconds.
                Attempt::Failed(failure @ Failure::Credentials(_)) => {
                    return Sent { result: Err(failure), attempts: attempts - 1 };
                }
                Attempt::Failed(failure) => {
                    last = failure;
                    None
                }
            };
            let backoff = retry::backoff(attempts, (self.world.random)());
            let wait = wait.unwrap_or_default().max(backoff);
            tracing::debug!(attempts, error = %last, wait_ms = wait.as_millis(), "The attempt failed.");
            if wait >= deadline.saturating_duration_since(Instant::now()) {
                return Sent { result: Err(last), attempts };
            }
            sleep(wait).await;
        }
    }

    /// Sends `request` once and waits for any answer until `deadline`, for callers whose next request supersedes this
    /// one.
    ///
    /// # Errors
    /// [`Failure`] when there is no answer.
    pub async fn send_once(&self, request: &Request, deadline: Instant) -> Result<Answer, Failure> {
        match self.attempt(request, deadline.saturating_duration_since(Instant::now())).await {
            Attempt::Answered { answer, .. } => Ok(answer),
            Attempt::Failed(failure) => Err(failure),
        }
    }

    async fn attempt(&self, request: &Request, timeout: Duration) -> Attempt {
        let until = Instant::now() + timeout;
        let exchange = async {
            let signed = self.signed(request).await?;
            let token = signed.headers().get(TOKEN_HEADER).cloned();
            let signed = reqwest::Request::try_from(signed).map_err(network_failure)?;
            self.http.execute(signed).await.map_err(network_failure).map(|response| (response, token))
        };
        let (mut response, token) = match timeout_at(until, exchange).await {
            Ok(Ok(exchanged)) => exchanged,
            Ok(Err(failure)) => return Attempt::Failed(failure),
            Err(_) => return Attempt::Failed(Failure::TimedOut(timeout.as_millis())),
        };
        let status = response.status();
        let limit = match self.purpose {
            _ if status.is_success() => request.wanted_body,
            Purpose::Write => MAX_ERROR_BODY,
            Purpose::Query => MAX_QUERY_ERROR_BODY,
        };
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry::retry_after(value.to_str().ok()?, (self.world.now)()));
        let needs_all = self.purpose == Purpose::Query && status.is_success();
        let mut body = BytesMut::new();
        while body.len() < limit {
            match timeout_at(until, response.chunk()).await {
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
                Ok(Err(error)) if needs_all => return Attempt::Failed(network_failure(error)),
                Err(_) if needs_all => return Attempt::Failed(Failure::TimedOut(timeout.as_millis())),
                // The status decides. A body that breaks off or dribbles is reported as far as it came in time.
                _ => break,
            }
        }
        body.truncate(limit);
        let body = if status.is_success() { body.freeze() } else { without_token(&body, token.as_ref()) };
        Attempt::Answered { answer: Answer { status: status.as_u16(), body }, retry_after }
    }

    async fn signed(&self, request: &Request) -> Result<http::Request<Bytes>, Failure> {
        let mut signed = http::Request::new(request.body.clone());
        *signed.method_mut() = request.method.clone();
        *signed.uri_mut() = request.uri.clone();
        signed.headers_mut().extend(request.headers.iter().cloned());
        if let Some(scope) = &request.scope {
            let now = (self.world.now)();
            let credentials = self.credentials.credentials(now).await.map_err(Failure::Credentials)?;
            sign(&mut signed, scope, &credentials, now)
                .map_err(|error| Failure::Credentials(error.to_string()))?;
        }
        Ok(signed)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// One attempt's end.
enum Attempt {
    Answered { answer: Answer, retry_after: Option<Duration> },
    Failed(Failure),
}

/// An error body without our session token: AMP explains a wrong signature by repeating the signed headers, and what it
/// says goes to logs, callers and dead letters.
fn without_token(body: &[u8], token: Option<&HeaderValue>) -> Bytes {
    let Some(token) = token.and_then(|token| token.to_str().ok()) else {
        return Bytes::copy_from_slice(body);
    };
    let text = String::from_utf8_lossy(body).replace(token, HIDDEN);
    // The token may be escaped, or cut short by the end of the body. Its line ends with a line break, escaped or not.
    let header = format!("{TOKEN_HEADER}:");
    let Some(start) = text.to_ascii_lowercase().find(&header).map(|at| at + header.len()) else {
        return text.into();
    };
    let (before, line) = text.split_at(start);
    let end = ["\n", "\\n"].iter().filter_map(|end| line.find(end)).min().unwrap_or(line.len());
    format!("{before}{HIDDEN}{}", &line[end..]).into()
}

/// Without the URL, which the reader knows and which may hold a secret.
fn network_failure(error: reqwest::Error) -> Failure {
    Failure::Network(explain(&error.without_url()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_body_that_repeats_the_token_is_reported_without_it() {
        let token = HeaderValue::from_static("FwoGZX/token+with==");
        let shown =
            |body: &str| String::from_utf8(without_token(body.as_bytes(), Some(&token)).to_vec()).unwrap();
        let said = "host:x\\nx-amz-security-token:FwoGZX/token+with==\\nx-amz";
        assert_eq!(shown(said), "host:x\\nx-amz-security-token:(hidden)\\nx-amz");
        assert_eq!(shown("x-amz-security-token:FwoGZX/tok"), "x-amz-security-token:(hidden)");
        assert_eq!(shown("expired: FwoGZX/token+with=="), "expired: (hidden)");
        let escaped = "X-Amz-Security-Token: FwoGZX\\/token+with\\u003d\\u003d\\nhost";
        assert_eq!(shown(escaped), "X-Amz-Security-Token:(hidden)\\nhost");
        assert_eq!(shown("the x-amz-security-token is expired"), "the x-amz-security-token is expired");
        assert_eq!(without_token(b"\xff", None), &b"\xff"[..]);
    }
}
