//! The read API of a workspace: the part of Prometheus's HTTP API below `/workspaces/<id>/api/v1/` that serves
//! queries.
//!
//! In: requests with a signature like that of write requests. Out: Prometheus's own answers when there is a
//! Prometheus; otherwise the same JSON from memory, as far as that goes without `PromQL`. Faults do not concern it
//! and the journal does not show it.

mod api_error;
mod literal;
mod memory;
mod parameters;
mod proxy;
mod selector;
mod time;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::answer::Refusal;
use super::envelope::body_is_within_the_limit;
use super::{AmpOptions, Shared};
use local_testing::http_server::{Reply, ResponseBody};

use api_error::ApiError;
use parameters::Parameters;

/// What can be asked (AMP User Guide, "Prometheus-compatible APIs").
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    Query,
    QueryRange,
    Series,
    Labels,
    LabelValues(String),
    Metadata,
    BuildInfo,
}

impl Endpoint {
    /// The endpoint of a path; `None` if the path is not one of the read API of this workspace.
    pub(super) fn of_path(workspace: &str, path: &str) -> Option<Self> {
        let path = path.strip_prefix("/workspaces/")?.strip_prefix(workspace)?.strip_prefix("/api/v1/")?;
        match path {
            "query" => Some(Self::Query),
            "query_range" => Some(Self::QueryRange),
            "series" => Some(Self::Series),
            "labels" => Some(Self::Labels),
            "metadata" => Some(Self::Metadata),
            "status/buildinfo" => Some(Self::BuildInfo),
            _ => {
                let name = path.strip_prefix("label/")?.strip_suffix("/values")?;
                (!name.is_empty() && !name.contains('/')).then(|| Self::LabelValues(name.to_owned()))
            }
        }
    }

    /// Prometheus takes a form in a POST body where a selector may be too long for a URL.
    fn allows(&self, method: &Method) -> bool {
        let form = matches!(self, Self::Query | Self::QueryRange | Self::Series | Self::Labels);
        method == Method::GET || (form && method == Method::POST)
    }

    /// The path below the base URL of a Prometheus.
    fn path(&self) -> String {
        match self {
            Self::Query => "/api/v1/query".to_owned(),
            Self::QueryRange => "/api/v1/query_range".to_owned(),
            Self::Series => "/api/v1/series".to_owned(),
            Self::Labels => "/api/v1/labels".to_owned(),
            Self::LabelValues(name) => format!("/api/v1/label/{name}/values"),
            Self::Metadata => "/api/v1/metadata".to_owned(),
            Self::BuildInfo => "/api/v1/status/buildinfo".to_owned(),
        }
    }
}

/// Answers one request.
pub(super) async fn answer(
    shared: &Shared,
    endpoint: &Endpoint,
    head: &Parts,
    body: Bytes,
) -> Response<ResponseBody> {
    if let Err(refusal) = admit(shared, endpoint, head, &body) {
        return refusal.into_response();
    }
    let answered = match &shared.prometheus {
        Some(prometheus) => proxy::ask(prometheus, endpoint, head, body).await,
        None => ask_memory(shared, endpoint, head, &body).map(|data| success(&data)),
    };
    answered.unwrap_or_else(ApiError::into_response)
}

/// AMP quotas, "Request size": 1 MB "for ingestion or query". Then the signature, then the method.
fn admit(shared: &Shared, endpoint: &Endpoint, head: &Parts, body: &Bytes) -> Result<(), Refusal> {
    body_is_within_the_limit(&shared.options, body.len())?;
    shared.check_signature(head, body)?;
    if !endpoint.allows(&head.method) {
        return Err(Refusal::front_door(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"));
    }
    Ok(())
}

fn ask_memory(shared: &Shared, endpoint: &Endpoint, head: &Parts, body: &[u8]) -> Result<Value, ApiError> {
    let parameters = Parameters::of_request(head, body)?;
    let AmpOptions { clock, .. } = &shared.options;
    let state = shared.state();
    let series = state.store.series();
    match endpoint {
        Endpoint::Query => memory::query(series, &parameters, clock.now_ms()),
        Endpoint::Series => memory::series(series, &parameters),
        Endpoint::Labels => memory::labels(series, &parameters),
        Endpoint::LabelValues(name) => memory::label_values(series, name, &parameters),
        // Metadata is not part of remote write 1.0, so there never is any.
        Endpoint::Metadata => Ok(json!({})),
        Endpoint::QueryRange => Err(ApiError::needs_promql("a range query")),
        Endpoint::BuildInfo => Err(ApiError::needs_promql("the build of a Prometheus")),
    }
}

fn success(data: &Value) -> Response<ResponseBody> {
    json_response(StatusCode::OK, &json!({ "status": "success", "data": data }))
}

fn json_response(status: StatusCode, body: &Value) -> Response<ResponseBody> {
    let mut response = Reply::full(status, body.to_string());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
