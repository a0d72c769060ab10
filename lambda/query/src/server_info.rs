//! `server_info`: nothing → the build and the state of the server, as far as the workspace serves them.
//!
//! AMP documents neither endpoint ("Prometheus-compatible APIs"), so what it does not serve is said and is no error. If
//! it serves none, a query finds out whether that is all there is to say: with a wrong id or without permission,
//! nothing is served either.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::api::Api;
use crate::error::Error;
use crate::selection::to_json;
use crate::workspace::Workspace;

const BUILD_INFO: &str = "/api/v1/status/buildinfo";
const RUNTIME_INFO: &str = "/api/v1/status/runtimeinfo";

/// What the caller gets.
#[derive(Serialize)]
struct ServerInfo<'a> {
    workspace_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    /// Prometheus's own object, or null.
    build_info: Option<Box<RawValue>>,
    /// Prometheus's own object, or null.
    runtime_info: Option<Box<RawValue>>,
    not_served: Vec<NotServed>,
    /// Whether a query was answered; checked only when neither of the two is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    answers_queries: Option<bool>,
}

/// An endpoint that the workspace does not serve.
#[derive(Debug, Serialize)]
struct NotServed {
    path: &'static str,
    status: u16,
    error: String,
}

/// Asks `api`, which is that of `workspace`.
///
/// # Errors
/// Why there is no data.
pub async fn run(api: &Api, workspace: &Workspace) -> Result<String, Error> {
    let (build_info, runtime_info) = tokio::join!(read(api, BUILD_INFO), read(api, RUNTIME_INFO));
    let mut not_served = Vec::new();
    let mut served = |result: Result<_, NotServed>| result.map_err(|why| not_served.push(why)).ok();
    let (build_info, runtime_info) = (served(build_info?), served(runtime_info?));
    let answers_queries = if build_info.is_none() && runtime_info.is_none() {
        api.get("/api/v1/query", &[("query", "vector(1)".to_owned())]).await?;
        Some(true)
    } else {
        None
    };
    let region = workspace.scope.as_ref().map(|scope| scope.region.as_str());
    let workspace_url = workspace.url();
    to_json(&ServerInfo { workspace_url, region, build_info, runtime_info, not_served, answers_queries })
}

/// The `data` at `path`, or why it is not served. An endpoint that a gateway does not know may be answered with any 4xx.
async fn read(api: &Api, path: &'static str) -> Result<Result<Box<RawValue>, NotServed>, Error> {
    #[derive(Deserialize)]
    struct Envelope {
        data: Box<RawValue>,
    }
    match api.get(path, &[]).await {
        Ok(body) => Ok(Ok(body.json::<Envelope>()?.data)),
        Err(error @ Error::Refused { status: status @ (400..=428 | 430..=499), .. }) => {
            Ok(Err(NotServed { path, status, error: error.to_string() }))
        }
        Err(error) => Err(error),
    }
}
