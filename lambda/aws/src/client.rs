//! The signed HTTP client, which sends a request until there is a final response or its deadline.

use std::fmt;
use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderValue, Method, Uri};
use tokio::time::{Instant, sleep, timeout_at};

use crate::credentials::{CredentialsCache, Renewal};
use crate::forward::StreamedBody;
use crate::http_client::http_client;
use crate::network::Network;
use crate::redact;
use crate::remote_write::written;
use crate::response::{Attempts, Cause, Failure, MAX_ERROR_BODY, MAX_QUERY_ERROR_BODY, Response, explain};
use crate::retry::{self, RetryAction, retry_action};
use crate::sign::{Scope, sign};
use crate::throttling::is_throttled;
use crate::unread::Unread;
use crate::world::World;

/// The header that names the operation in the AWS JSON protocol.
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// A request that can be sent more than once.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The absolute URL.
    pub uri: Uri,
    /// All headers except `host`, `content-length` and those of the signature.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
    /// The scope of the signature; `None` sends the request unsigned.
    pub scope: Option<Scope>,
    /// How much of the body of a 2xx response is read, in bytes.
    pub wanted_body: usize,
}

impl Request {
    /// A call of an AWS service in its JSON protocol, whose version is in `content_type`.
    ///
    /// <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>
    pub fn aws_json(
        uri: Uri,
        scope: Scope,
        content_type: &'static str,
        target: &'static str,
        body: Vec<u8>,
    ) -> Self {
        let headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (TARGET, HeaderValue::from_static(target)),
        ];
        Self { method: Method::POST, uri, headers, body: body.into(), scope: Some(scope), wanted_body: 0 }
    }

    /// Whether to send this request again after `response`: depends on the status, and on the error type where an AWS
    /// service reports throttling with status 400.
    pub fn retry_action(&self, response: &Response) -> RetryAction {
        let is_aws_json = self.headers.iter().any(|(name, _)| name == TARGET);
        if is_aws_json && is_throttled(response) { RetryAction::Retry } else { retry_action(response.status) }
    }
}

/// Until when a request is sent again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// After the second or a later response that may be another one later, unless it requests a wait.
    pub busy: Instant,
    /// In any case.
    pub deadline: Instant,
}

/// The kind of requests, which decides how long an attempt may take, how an incomplete response is treated, and when to
/// give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// The receiver responds at once, and only the status matters: an incomplete body changes nothing. A message that is
    /// given back uses up one of its few deliveries, so a write is attempted until the deadline.
    Write,
    /// The response may take long, and an incomplete body is of no use. The caller waits and can send another query, so an
    /// error that will not change soon is final.
    Query,
}

impl Purpose {
    /// The time limit of an attempt, given the time that is left.
    fn timeout(self) -> fn(Duration) -> Option<Duration> {
        match self {
            Self::Write => retry::attempt_timeout,
            Self::Query => retry::query_timeout,
        }
    }
}

/// What one attempt got.
struct Answered {
    response: Response,
    /// The wait that the receiver requests.
    retry_after: Option<Duration>,
    unread: Option<Unread>,
}

fn only_read((response, _): (Response, Option<Unread>)) -> Response {
    response
}

/// One HTTP client with its connections, credentials and backoff.
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) credentials: CredentialsCache,
    purpose: Purpose,
    pub(crate) world: World,
}

impl Client {
    /// A client that signs with credentials of the standard chain. `region` and `network` also apply to the requests of
    /// the chain.
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

    /// The same client for queries: an attempt may take most of the time that is left, and a request whose 2xx response
    /// has an incomplete body is sent again.
    #[must_use]
    pub fn for_queries(self) -> Self {
        Self { purpose: Purpose::Query, ..self }
    }

    /// Fetches credentials, although those of before may be valid: until then, requests use these.
    ///
    /// # Errors
    /// The reason why there are none.
    pub async fn renew_credentials(&self) -> Result<Renewal, String> {
        self.credentials.renew(self.world.now).await
    }

    /// Sends `request` until there is a final response: any status whose [`RetryAction`] is `Done`. Gives up at
    /// `deadline`, or earlier when the receiver requests a wait that goes past it, and returns in time. A query is also
    /// given up when the server reports that it timed out, and after [`retry::UNANSWERED_QUERIES`] without a response.
    ///
    /// # Errors
    /// [`Failure`]: no final response in time.
    pub async fn send(&self, request: &Request, deadline: Instant) -> Result<Response, Failure> {
        self.send_with(request, Patience { busy: deadline, deadline }).await
    }

    /// [`Client::send`] for bodies of any size: what follows the first [`Request::wanted_body`] bytes of a 2xx response is
    /// a stream, unless that was all. It ends with an error if the connection does, or after `deadline`.
    ///
    /// # Errors
    /// [`Failure`]: no final response in time.
    pub async fn send_streamed(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<(Response, Option<StreamedBody>), Failure> {
        let patience = Patience { busy: deadline, deadline };
        let (response, unread) = self.send_in_attempts(request, patience, self.purpose.timeout()).await?;
        Ok((response, unread.map(|unread| unread.stream(request.uri.clone(), deadline))))
    }

    /// [`Client::send`] with less patience for a receiver that responds.
    ///
    /// # Errors
    /// [`Failure`]: no final response in time.
    pub async fn send_with(&self, request: &Request, patience: Patience) -> Result<Response, Failure> {
        self.send_in_attempts(request, patience, self.purpose.timeout()).await.map(only_read)
    }

    /// [`Client::send`] for requests that have an effect each time: an attempt is not given up for another one while it
    /// may still get a response.
    ///
    /// # Errors
    /// [`Failure`]: no final response in time.
    pub async fn send_patiently(&self, request: &Request, deadline: Instant) -> Result<Response, Failure> {
        let patience = Patience { busy: deadline, deadline };
        self.send_in_attempts(request, patience, retry::patient_timeout).await.map(only_read)
    }

    async fn send_in_attempts(
        &self,
        request: &Request,
        patience: Patience,
        attempt_timeout: fn(Duration) -> Option<Duration>,
    ) -> Result<(Response, Option<Unread>), Failure> {
        let started = Instant::now();
        let mut attempts = Attempts::default();
        let mut unanswered = 0;
        let mut failure = Failure::from(Cause::OutOfTime);
        loop {
            let left = patience.deadline.saturating_duration_since(Instant::now());
            let Some(timeout) = attempt_timeout(left) else { break };
            attempts.count += 1;
            let (wait, until) = match self.attempt(request, timeout).await {
                Ok(Answered { mut response, retry_after, unread }) => {
                    attempts.elapsed = started.elapsed();
                    response.attempts = attempts;
                    if self.is_final(request, &response) {
                        return Ok((response, unread));
                    }
                    failure = Failure::from(Cause::Answered(response));
                    let is_patient = retry_after.is_some() || attempts.count == 1;
                    (retry_after, if is_patient { patience.deadline } else { patience.busy })
                }
                Err(cause) => {
                    unanswered += 1;
                    let earlier_response = failure.response().cloned().map(Box::new);
                    failure = Failure { earlier_response, ..cause.into() };
                    // The chain retries by itself; its final error does not change within seconds.
                    if let Cause::Credentials(_) = failure.cause {
                        attempts.count -= 1;
                        break;
                    }
                    if self.purpose == Purpose::Query && unanswered == retry::UNANSWERED_QUERIES {
                        break;
                    }
                    (None, patience.deadline)
                }
            };
            let backoff = retry::backoff(attempts.count, (self.world.random)());
            let wait = wait.unwrap_or_default().max(backoff);
            let wait_ms = wait.as_millis();
            tracing::debug!(attempts = attempts.count, error = %failure.cause, wait_ms, "The attempt failed.");
            if wait >= until.saturating_duration_since(Instant::now()) {
                break;
            }
            sleep(wait).await;
        }
        failure.attempts = Attempts { elapsed: started.elapsed(), ..attempts };
        Err(failure)
    }

    /// Sends `request` once and waits for any response until `deadline`, for callers whose next request supersedes this
    /// one.
    ///
    /// # Errors
    /// [`Failure`]: no response in time.
    pub async fn send_once(&self, request: &Request, deadline: Instant) -> Result<Response, Failure> {
        let started = Instant::now();
        let attempt = self.attempt(request, deadline.saturating_duration_since(started)).await;
        let attempts = Attempts { count: 1, elapsed: started.elapsed() };
        match attempt {
            Ok(Answered { response, .. }) => Ok(Response { attempts, ..response }),
            Err(cause) => Err(Failure::new(cause, attempts)),
        }
    }

    fn is_final(&self, request: &Request, response: &Response) -> bool {
        request.retry_action(response) == RetryAction::Done
            || (self.purpose == Purpose::Query && response.is_query_timeout())
    }

    async fn attempt(&self, request: &Request, timeout: Duration) -> Result<Answered, Cause> {
        let until = Instant::now() + timeout;
        let signed = match timeout_at(until, self.signed(request)).await {
            Ok(Ok(signed)) => signed,
            Ok(Err(reason)) => return Err(Cause::Credentials(reason)),
            Err(_) => return Err(Cause::CredentialsTimedOut(self.credentials.last_host())),
        };
        let secrets = redact::secrets_of(signed.headers());
        let network_failure = |error| network_failure(&request.uri, error);
        let exchange = async { self.http.execute(reqwest::Request::try_from(signed)?).await };
        let mut response = match timeout_at(until, exchange).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(network_failure(error)),
            Err(_) => return Err(Cause::TimedOut),
        };
        let status = response.status();
        let limit = match self.purpose {
            _ if status.is_success() => request.wanted_body,
            Purpose::Write => MAX_ERROR_BODY,
            Purpose::Query => MAX_QUERY_ERROR_BODY,
        };
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.map(|value| {
            let value = redact::without(Bytes::copy_from_slice(value.as_bytes()), &secrets);
            String::from_utf8_lossy(&value).into()
        });
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry::retry_after(value.to_str().ok()?, (self.world.now)()));
        let written = written(response.headers());
        let needs_all = self.purpose == Purpose::Query && status.is_success();
        let mut body = BytesMut::new();
        let mut is_whole = false;
        while body.len() < limit {
            match timeout_at(until, response.chunk()).await {
                Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
                Ok(Ok(None)) => {
                    is_whole = true;
                    break;
                }
                Ok(Err(error)) if needs_all => return Err(network_failure(error)),
                Err(_) if needs_all => return Err(Cause::TimedOut),
                // Only the status matters. An incomplete body is reported as far as it was received in time.
                _ => break,
            }
        }
        let arrived = body.split_off(limit.min(body.len())).freeze();
        let unread = (status.is_success() && !is_whole).then_some(Unread { arrived, response });
        // A 2xx response may be an error too: of a proxy, or in the form of Prometheus.
        let body = redact::without(body.freeze(), &secrets);
        let response =
            Response { status: status.as_u16(), content_type, written, body, attempts: Attempts::default() };
        Ok(Answered { response, retry_after, unread })
    }

    async fn signed(&self, request: &Request) -> Result<http::Request<Bytes>, String> {
        let mut signed = http::Request::new(request.body.clone());
        *signed.method_mut() = request.method.clone();
        *signed.uri_mut() = request.uri.clone();
        signed.headers_mut().extend(request.headers.iter().cloned());
        if let Some(scope) = &request.scope {
            let credentials = self.credentials.credentials(self.world.now).await?;
            sign(&mut signed, scope, &credentials, (self.world.now)()).map_err(|error| error.to_string())?;
        }
        Ok(signed)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// With the host of `uri` and without its path, which may hold a secret.
pub(crate) fn network_failure(uri: &Uri, error: reqwest::Error) -> Cause {
    let host = uri.authority().map_or("", |authority| authority.as_str());
    Cause::Network(format!("{host}: {}", explain(&error.without_url())))
}
