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
use crate::network::Network;
use crate::outcome::{
    Answer, Failure, MAX_ERROR_BODY, MAX_QUERY_ERROR_BODY, Verdict, explain, verdict_of_status,
};
use crate::redact;
use crate::retry;
use crate::sign::{Scope, sign};

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
    /// A client that signs with credentials of the standard chain, whose own requests are signed for `region`. All of
    /// them connect as `network` says.
    pub fn new(region: Option<String>, network: &Network, world: World) -> Self {
        let http = http_client(network);
        let credentials = CredentialsCache::standard(http.clone(), region);
        Self { http, credentials, purpose: Purpose::Write, world }
    }

    /// A client that signs with credentials of `provider`.
    pub fn with_credentials(provider: impl ProvideCredentials + 'static, world: World) -> Self {
        let credentials = CredentialsCache::new(provider);
        Self { http: http_client(&Network::default()), credentials, purpose: Purpose::Write, world }
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
        let mut attempts = 0;
        let mut last = Failure::OutOfTime;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = match self.purpose {
                Purpose::Write => retry::attempt_timeout(left),
                Purpose::Query => retry::query_timeout(left),
            };
            let Some(timeout) = timeout else {
                return Sent { result: Err(last), attempts };
            };
            attempts += 1;
            let wait = match self.attempt(request, timeout).await {
                Attempt::Answered { answer, retry_after } => {
                    if verdict_of_status(answer.status) != Verdict::Transient {
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
            let secrets: Vec<_> =
                signed.headers().values().filter(|value| value.is_sensitive()).cloned().collect();
            let signed = reqwest::Request::try_from(signed).map_err(network_failure)?;
            self.http.execute(signed).await.map_err(network_failure).map(|response| (response, secrets))
        };
        let (mut response, secrets) = match timeout_at(until, exchange).await {
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
        let body = body.freeze();
        let body = if status.is_success() { body } else { redact::without(body, &secrets) };
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

/// Without the URL, which the reader knows and which may hold a secret.
fn network_failure(error: reqwest::Error) -> Failure {
    Failure::Network(explain(&error.without_url()))
}
