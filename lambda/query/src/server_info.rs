//! The operation `server_info`: build and runtime information of the server, where the workspace serves it.
//!
//! AMP documents neither path ("Prometheus-compatible APIs"), so a path that is not served is reported and is not an
//! error. If neither is served, a query checks id and permissions, because a wrong id looks the same.

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::api::Api;
use crate::error::Error;
use crate::workspace::Workspace;

const BUILD_INFO: &str = "/api/v1/status/buildinfo";
const RUNTIME_INFO: &str = "/api/v1/status/runtimeinfo";

#[derive(Serialize)]
struct ServerInfo<'a> {
    workspace_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    build_info: Option<Box<RawValue>>,
    runtime_info: Option<Box<RawValue>>,
    not_served: Vec<NotServed>,
    /// Whether a query succeeded; checked only if neither path is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    answers_queries: Option<bool>,
}

#[derive(Debug, Serialize)]
struct NotServed {
    path: &'static str,
    status: u16,
    error: String,
}

/// Reads the information from `api`, which is that of `workspace`.
pub(crate) async fn server_info(api: &Api, workspace: &Workspace) -> Result<Box<RawValue>, Error> {
    let (build_info, runtime_info) = tokio::join!(read(api, BUILD_INFO), read(api, RUNTIME_INFO));
    let mut not_served = Vec::new();
    let mut served = |info: Result<_, NotServed>| info.map_err(|error| not_served.push(error)).ok();
    let (build_info, runtime_info) = (served(build_info?), served(runtime_info?));
    let answers_queries = if build_info.is_none() && runtime_info.is_none() {
        api.get("/api/v1/query", &[("query", "vector(1)".to_owned())]).await?;
        Some(true)
    } else {
        None
    };
    let region = workspace.scope.as_ref().map(|scope| scope.region.as_str());
    let workspace_url = workspace.url();
    let info = ServerInfo { workspace_url, region, build_info, runtime_info, not_served, answers_queries };
    Ok(to_raw_value(&info)?)
}

/// The `data` at `path`. An unknown path may be answered with any 4xx but 429.
async fn read(api: &Api, path: &'static str) -> Result<Result<Box<RawValue>, NotServed>, Error> {
    #[derive(Deserialize)]
    struct Envelope {
        data: Box<RawValue>,
    }
    match api.get(path, &[]).await {
        Ok(body) => Ok(Ok(body.json::<Envelope>()?.data)),
        Err(error @ Error::Server { status: status @ (400..=428 | 430..=499), .. }) => {
            Ok(Err(NotServed { path, status, error: error.to_string() }))
        }
        Err(error) => Err(error),
    }
}
