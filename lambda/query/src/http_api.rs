//! The HTTP API of Prometheus, for callers that cannot sign requests: authenticated here, signed, and passed on to the
//! configured workspace. `/mcp` is for agents: see [`crate::mcp`].
//!
//! | module   | contains                                                        |
//! |----------|-----------------------------------------------------------------|
//! | `routes` | the paths and methods that are passed on                         |
//! | `answer` | the answer of the workspace within Lambda's limit, and errors    |
//! | `stream` | the answer of the workspace as it arrives                        |
//!
//! No part of a request decides where it is sent: only the configured workspace is queried.

mod answer;
mod routes;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use aws::text::truncate;
use aws::{Client, StreamedBody};
use http::Method;
use http_endpoint::{Answer, Authenticator, HttpAuth, Reply, Request, Service};
use tokio::time::Instant;

use crate::api::{MAX_BODY, method_for};
use crate::mcp::McpServer;
use crate::operations::Operations;
use crate::time::Timestamp;
use crate::workspace::Workspace;
use routes::{Route, is_public};

/// The realm of HTTP authentication (RFC 9110, section 11.5).
const REALM: &str = "prometheus";

/// The content type of a form, whose parameters Prometheus reads as those of the URL.
const FORM: &str = "application/x-www-form-urlencoded";

/// Maximum length of a path in a log line, in characters.
const MAX_LOGGED_CHARS: usize = 200;

/// What the handler `api` is configured with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `HTTP_AUTH`, `HTTP_AUTH_SECRET`: who may query.
    pub(crate) auth: HttpAuth,
    /// `HTTP_BASE_PATH`: a path before those of the routes.
    pub(crate) base_path: Option<String>,
    /// `RESPONSE_STREAMING`: whether function URLs take streams, and nothing else.
    pub(crate) streams: bool,
    /// `WORKSPACE_URL` and `WORKSPACE_AUTH`.
    pub(crate) workspace: Workspace,
}

/// The HTTP API of the configured workspace.
#[derive(Debug)]
pub(crate) struct HttpApi {
    settings: Settings,
    authenticator: Authenticator,
    operations: Arc<Operations>,
    mcp: McpServer,
}

/// The response to a request.
#[derive(Debug)]
pub struct HttpResponse {
    pub(crate) answer: aws::Answer<Reply>,
    /// For the log.
    path: String,
    status: u16,
    /// Of a body that is complete.
    bytes: Option<usize>,
}

/// What a request is answered.
enum Served {
    Whole(Answer),
    Stream(http::Response<StreamedBody>),
}

impl HttpApi {
    pub(crate) fn new(settings: Settings, client: Arc<Client>, operations: Arc<Operations>) -> Self {
        let authenticator = Authenticator::new(settings.auth.clone(), client);
        let mcp = McpServer::new(Arc::clone(&operations));
        Self { settings, authenticator, operations, mcp }
    }

    /// Answers a request until `deadline`; `None` if `payload` is not one.
    pub(crate) async fn serve(
        &self,
        payload: &[u8],
        now: Timestamp,
        deadline: Instant,
    ) -> Option<HttpResponse> {
        let request = Request::of(str::from_utf8(payload).ok()?)?;
        let path = request.path(self.settings.base_path.as_deref());
        let served = self.answer(&request, path, now, deadline).await;
        let path = truncate(path, MAX_LOGGED_CHARS).to_owned();
        Some(match served {
            Served::Stream(response) => {
                let status = response.status().as_u16();
                HttpResponse { answer: aws::Answer::Http(response), path, status, bytes: None }
            }
            Served::Whole(answer) => {
                let (status, bytes) = (answer.status, Some(answer.body().len()));
                let answer = if self.streams(&request) {
                    aws::Answer::Http(http::Response::from(answer).map(stream::whole))
                } else {
                    aws::Answer::Json(answer.reply(&request))
                };
                HttpResponse { answer, path, status, bytes }
            }
        })
    }

    async fn answer(&self, request: &Request<'_>, path: &str, now: Timestamp, deadline: Instant) -> Served {
        if !is_public(path)
            && let Err(reason) = self.authenticator.check(request, deadline).await
        {
            tracing::warn!(%reason, "A request was refused.");
            return Served::Whole(Answer::denied(&reason, REALM));
        }
        Served::Whole(match Route::of(&request.method, path) {
            Ok(Route::Mcp) => self.mcp.serve(request, now, deadline).await,
            Ok(Route::Healthy) => Answer::text(200, "Prometheus Server is Healthy.\n"),
            Ok(Route::Ready) => Answer::text(200, "Prometheus Server is Ready.\n"),
            Ok(Route::Root) => Answer::text(200, "The HTTP API of Prometheus is below /api/v1/.\n"),
            Ok(Route::Options { allow }) => Answer::text(200, "").with("Allow", allow),
            Ok(Route::Read { path, takes_form }) => {
                return self.read(request, &path, takes_form, deadline).await;
            }
            Err(reason) => reason.into(),
        })
    }

    fn streams(&self, request: &Request<'_>) -> bool {
        self.settings.streams && request.service == Service::FunctionUrl
    }

    /// Passes a request on. `path` begins with `/api/v1/`.
    async fn read(&self, request: &Request<'_>, path: &str, takes_form: bool, deadline: Instant) -> Served {
        let parameters = match parameters(request) {
            Ok(parameters) => parameters,
            Err(reason) => return Served::Whole(answer::error(400, "bad_data", &reason.to_string())),
        };
        let Workspace { base, scope } = self.settings.workspace.clone();
        let api = self.operations.api(base, scope, deadline);
        let method = match (request.method == "POST", takes_form) {
            (true, _) => Method::POST,
            (false, true) => method_for(&parameters),
            (false, false) => Method::GET,
        };
        let streams = self.streams(request);
        let wanted = if streams { stream::BEGINNING } else { MAX_BODY + 1 };
        let accept_encoding = request.headers.accept_encoding.as_deref();
        let result = match api.exchange(method, path, &parameters, wanted).await {
            Ok((response, Some(rest))) if streams => {
                return Served::Stream(stream::of(response, rest, accept_encoding));
            }
            other => other.map(|(response, _)| response),
        };
        Served::Whole(answer::of(result, accept_encoding, request.service.max_answer_bytes()))
    }
}

/// The parameters of a form, and then those of the URL, as Prometheus reads them. They are encoded again when they are
/// sent: a client's own encoding may be another one than that of the signature.
fn parameters(request: &Request<'_>) -> Result<Vec<(String, String)>, http_endpoint::UnreadableBody> {
    let content_type = request.headers.content_type.as_deref().unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let mut parameters = Vec::new();
    if request.method == "POST" && media_type.eq_ignore_ascii_case(FORM) {
        parameters.extend(form_urlencoded::parse(&request.body()?).into_owned());
    }
    parameters.extend(request.parameters());
    Ok(parameters)
}

impl HttpResponse {
    /// Logs the request in one line, and a second one at level ERROR if the function or the workspace failed. A query may
    /// have a megabyte and is not shown. A stream has only begun, so its line has no `bytes`; the runtime logs it if it breaks
    /// off.
    pub(crate) fn log(&self, took: Duration) {
        let Self { path, status, bytes, .. } = self;
        if *status >= 500 {
            tracing::error!(path, status, "The query failed.");
        }
        tracing::info!(path, status, bytes, ms = took.as_millis(), "Invocation done.");
    }
}
