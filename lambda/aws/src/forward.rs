//! Signs requests of other clients and passes them on. Bodies of responses are streams.
//!
//! The body of a request must be complete, because its hash is signed. `UNSIGNED-PAYLOAD` is documented for S3 only.

use std::error::Error;

use aws_credential_types::Credentials;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, BodyStream, Full, StreamBody};
use tokio::time::{Instant, sleep, timeout_at};

use crate::client::{Client, network_failure};
use crate::redact;
use crate::response::{Attempts, Cause, Failure, MAX_QUERY_ERROR_BODY};
use crate::retry;
use crate::sign::{Scope, sign};

/// The number of attempts of a request that may be repeated.
const MAX_ATTEMPTS: u32 = 3;

/// The body of a response, as it arrives.
pub type StreamedBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// A request to pass on.
#[derive(Clone, Debug)]
pub struct Forwarded {
    /// The method.
    pub method: Method,
    /// The absolute URL.
    pub uri: Uri,
    /// The headers that are signed, except `host`, `content-length` and those of the signature.
    pub signed_headers: HeaderMap,
    /// The headers that are not signed, because a server on the way may change them.
    pub unsigned_headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The scope of the signature; `None` sends the request unsigned.
    pub scope: Option<Scope>,
    /// Requests of the same kind need the same permission.
    pub kind: &'static str,
    /// Whether an attempt may be repeated.
    pub repeat: Repeat,
}

/// Which attempts are followed by another one. One whose signature is rejected has had no effect, so it always is, if there
/// are other credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Those that could not connect.
    Unsent,
    /// Those without a response, because the request changes nothing.
    Unanswered,
}

impl Client {
    /// Sends `request` and returns any response as soon as it begins, with an error body free of secrets.
    ///
    /// # Errors
    /// [`Failure`]: no response until `deadline`.
    pub async fn forward(
        &self,
        request: &Forwarded,
        deadline: Instant,
    ) -> Result<Response<StreamedBody>, Failure> {
        let started = Instant::now();
        let mut count = 0;
        let cause = match timeout_at(deadline, self.credentials_of(request)).await {
            Ok(Ok(credentials)) => {
                let answered = self.until_answered(request, credentials, &mut count);
                match timeout_at(deadline, answered).await {
                    Ok(Ok(response)) => return Ok(response),
                    Ok(Err(cause)) => cause,
                    Err(_) => Cause::TimedOut,
                }
            }
            Ok(Err(reason)) => Cause::Credentials(reason),
            Err(_) => Cause::CredentialsTimedOut(self.credentials.last_host()),
        };
        Err(Failure::new(cause, Attempts { count, elapsed: started.elapsed() }))
    }

    async fn credentials_of(&self, request: &Forwarded) -> Result<Option<Credentials>, String> {
        match request.scope {
            Some(_) => self.credentials.credentials(self.world.now).await.map(Some),
            None => Ok(None),
        }
    }

    async fn until_answered(
        &self,
        request: &Forwarded,
        mut credentials: Option<Credentials>,
        count: &mut u32,
    ) -> Result<Response<StreamedBody>, Cause> {
        let mut is_replaced = false;
        loop {
            *count += 1;
            let signed = self.signed_for(request, credentials.as_ref())?;
            let secrets = redact::secrets_of(signed.headers());
            let exchange = async { self.http.execute(reqwest::Request::try_from(signed)?).await };
            let response = match exchange.await {
                Ok(response) => response,
                Err(error) if *count < MAX_ATTEMPTS && request.repeat.allows(&error) => {
                    tracing::debug!(attempts = *count, %error, "The attempt failed.");
                    sleep(retry::backoff(*count, (self.world.random)())).await;
                    continue;
                }
                Err(error) => return Err(network_failure(&request.uri, error)),
            };
            if response.status() == StatusCode::FORBIDDEN
                && !is_replaced
                && let Some(rejected) = &credentials
                && let Some(other) = self.credentials.instead_of(rejected, request.kind, self.world.now).await
            {
                credentials = Some(other);
                is_replaced = true;
                continue;
            }
            return Ok(without_secrets(response.into(), &secrets).await);
        }
    }

    fn signed_for(
        &self,
        request: &Forwarded,
        credentials: Option<&Credentials>,
    ) -> Result<http::Request<Bytes>, Cause> {
        let mut signed = http::Request::new(request.body.clone());
        *signed.method_mut() = request.method.clone();
        *signed.uri_mut() = request.uri.clone();
        signed.headers_mut().extend(request.signed_headers.clone());
        if let (Some(scope), Some(credentials)) = (&request.scope, credentials) {
            sign(&mut signed, scope, credentials, (self.world.now)())
                .map_err(|error| Cause::Credentials(error.to_string()))?;
        }
        signed.headers_mut().extend(request.unsigned_headers.clone());
        Ok(signed)
    }
}

impl Repeat {
    fn allows(self, error: &reqwest::Error) -> bool {
        error.is_connect() || (self == Self::Unanswered && error.is_request())
    }
}

/// `response` with the beginning of an error body searched for `secrets`. An encoded body cannot be searched, so those of
/// rejected signatures, which may repeat the request, are left out.
async fn without_secrets(
    response: Response<reqwest::Body>,
    secrets: &[HeaderValue],
) -> Response<StreamedBody> {
    let (mut head, body) = response.into_parts();
    let is_error = head.status.is_client_error() || head.status.is_server_error();
    if !is_error || secrets.is_empty() {
        return Response::from_parts(head, body.map_err(Into::into).boxed_unsync());
    }
    let is_rejected = matches!(head.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    let body = if is_rejected && head.headers.remove(CONTENT_ENCODING).is_some() {
        Full::default().map_err(|never| match never {}).boxed_unsync()
    } else {
        searched(body, secrets).await
    };
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, body)
}

async fn searched(mut body: reqwest::Body, secrets: &[HeaderValue]) -> StreamedBody {
    let mut beginning = BytesMut::new();
    let mut failure = None;
    while beginning.len() < MAX_QUERY_ERROR_BODY {
        match body.frame().await {
            Some(Ok(frame)) => beginning.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Some(Err(error)) => {
                failure = Some(Err(error));
                break;
            }
            None => {
                let body = Full::new(redact::without(beginning.freeze(), secrets));
                return body.map_err(|never| match never {}).boxed_unsync();
            }
        }
    }
    let beginning = Full::new(redact::without(beginning.freeze(), secrets)).map_err(|never| match never {});
    let frames = BodyStream::new(beginning).chain(stream::iter(failure)).chain(BodyStream::new(body));
    StreamBody::new(frames).map_err(Into::into).boxed_unsync()
}
