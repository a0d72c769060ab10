//! URLs of AMP workspaces.

use crate::endpoint::{Endpoint, InvalidEndpoint};

/// The name of AMP in signatures.
pub const SERVICE: &str = "aps";

/// Paths that are copied along with the URL of a workspace.
const OPERATION_PATHS: [&str; 4] =
    ["/api/v1/query", "/api/v1/query_range", "/api/v1/remote_write", "/api/v1"];

/// The URL before `/api/v1`, without a trailing slash.
///
/// # Errors
/// [`InvalidEndpoint`]
pub fn base_of(url: &str) -> Result<Endpoint, InvalidEndpoint> {
    let endpoint = Endpoint::parse(url)?;
    let uri = endpoint.uri();
    let path = uri.path().trim_end_matches('/');
    let path = OPERATION_PATHS.iter().find_map(|suffix| path.strip_suffix(suffix)).unwrap_or(path);
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    Endpoint::parse(&format!("{scheme}://{authority}{}", path.trim_end_matches('/')))
}

/// The domain of the AWS services in `region`.
pub fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// The URL of a workspace (AMP user guide, "Query using Prometheus-compatible APIs").
pub fn url_of(id: &str, region: &str) -> String {
    format!("https://aps-workspaces.{region}.{}/workspaces/{id}", domain(region))
}

/// The id in the URL of a workspace, if it has one.
pub fn id_of(base: &Endpoint) -> Option<&str> {
    base.uri().path().rsplit_once("/workspaces/").map(|(_, id)| id).filter(|id| is_workspace_id(id))
}

/// `[0-9A-Za-z][-.0-9A-Z_a-z]*` of 1 to 64 characters (AMP API reference, `DescribeWorkspace`), without the dot, which
/// no id has and which is special in paths.
pub fn is_workspace_id(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=64).contains(&text.len()) && text.as_bytes()[0].is_ascii_alphanumeric() && text.bytes().all(is_part)
}
