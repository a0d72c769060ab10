//! Serves the read API of a workspace: the part of Prometheus's HTTP API below `/workspaces/<id>/api/v1/` that
//! serves queries.
//!
//! A request is signed like a write request and passed on to the Prometheus behind the stand-in, whose answer comes
//! back as it is. Metadata that was written is answered from memory, because Prometheus discards it. Without a Prometheus the answer is a 501. Faults do not apply to queries, and the journal does not
//! record them.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::Shared;
use super::answer::Refusal;
use super::envelope::body_is_within_the_limit;
use local_testing::http_server::{Reply, ResponseBody};
use local_testing::prometheus::client::PrometheusClient;

const NO_PROMETHEUS: &str = "queries require Prometheus: install it (Debian and Ubuntu: apt-get install prometheus) \
                             and start the stand-in with --prometheus";

/// One endpoint of the read API (AMP User Guide, "Prometheus-compatible APIs").
#[derive(Debug)]
pub(super) struct Endpoint<'a> {
    /// Its path below `api/v1/`.
    path: &'a str,
    /// Prometheus takes a form in a POST body where a selector may be too long for a URL.
    takes_form: bool,
}

impl<'a> Endpoint<'a> {
    /// The endpoint of a path; `None` if the path is not part of the read API of this workspace.
    pub(super) fn of_path(workspace: &str, path: &'a str) -> Option<Self> {
        let path = path.strip_prefix("/workspaces/")?.strip_prefix(workspace)?.strip_prefix("/api/v1/")?;
        let takes_form = match path {
            "query" | "query_range" | "series" | "labels" => true,
            "metadata" | "rules" | "alerts" | "status/buildinfo" => false,
            _ => {
                let name = path.strip_prefix("label/")?.strip_suffix("/values")?;
                if name.is_empty() || name.contains('/') {
                    return None;
                }
                false
            }
        };
        Some(Self { path, takes_form })
    }
}

/// Answers one request.
pub(super) async fn answer(
    shared: &Shared,
    endpoint: &Endpoint<'_>,
    head: &Parts,
    body: Bytes,
) -> Response<ResponseBody> {
    if let Err(refusal) = admit(shared, endpoint, head, &body) {
        return refusal.into_response();
    }
    if endpoint.path == "metadata"
        && let Some(metadata) = written_metadata(shared)
    {
        return json_answer(StatusCode::OK, &json!({ "status": "success", "data": metadata }));
    }
    match &shared.prometheus {
        Some(prometheus) => forward(prometheus, endpoint, head, body).await,
        None => unavailable(StatusCode::NOT_IMPLEMENTED, NO_PROMETHEUS),
    }
}

/// AMP quotas, "Request size": 1 MB "for ingestion or query". Then the signature, then the method.
fn admit(shared: &Shared, endpoint: &Endpoint<'_>, head: &Parts, body: &Bytes) -> Result<(), Refusal> {
    body_is_within_the_limit(&shared.options, body.len())?;
    shared.check_signature(head, body)?;
    if head.method == Method::GET || (endpoint.takes_form && head.method == Method::POST) {
        return Ok(());
    }
    Err(Refusal::json(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"))
}

/// Passes on method, query string, content type and body.
async fn forward(
    prometheus: &PrometheusClient,
    endpoint: &Endpoint<'_>,
    head: &Parts,
    body: Bytes,
) -> Response<ResponseBody> {
    let query = head.uri.query().map_or(String::new(), |query| format!("?{query}"));
    let content_type = head.headers.get(CONTENT_TYPE).map(|value| (CONTENT_TYPE, value.clone()));
    let headers: Vec<_> = content_type.into_iter().collect();
    let path = format!("/api/v1/{}{query}", endpoint.path);
    match prometheus.send(&head.method, &path, &headers, body).await {
        Ok(answer) => {
            let mut response = Reply::full(answer.status, answer.body);
            if let Some(content_type) = answer.content_type {
                response.headers_mut().insert(CONTENT_TYPE, content_type);
            }
            response
        }
        Err(error) => unavailable(StatusCode::SERVICE_UNAVAILABLE, &format!("prometheus: {error}")),
    }
}

/// An error in the form of Prometheus's HTTP API.
fn unavailable(status: StatusCode, error: &str) -> Response<ResponseBody> {
    json_answer(status, &json!({ "status": "error", "errorType": "unavailable", "error": error }))
}

/// The metadata of the metric families that were written, as Cortex answers it; `None` if there is none.
fn written_metadata(shared: &Shared) -> Option<Value> {
    let state = shared.state();
    let families = state.store.metadata().iter().map(|(family, metadata)| {
        let metric_type = metadata.r#type().as_str_name().to_lowercase();
        let one = json!({ "type": metric_type, "help": metadata.help, "unit": metadata.unit });
        (family.clone(), json!([one]))
    });
    let families: Map<String, Value> = families.collect();
    (!families.is_empty()).then_some(Value::Object(families))
}

fn json_answer(status: StatusCode, body: &Value) -> Response<ResponseBody> {
    let mut response = Reply::full(status, body.to_string());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
