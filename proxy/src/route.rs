//! Finds the target of a request, or the reason why it is refused.
//!
//! Only the method, the path and the query of a request are read. A path is checked segment by segment, decoded, because a
//! server may decode it before it resolves `..`.

use aws::Repeat;
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;

use crate::refusal::Refusal;
use crate::workspace::Workspace;

const API: &str = "/api/v1/";

/// The target of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/-/healthy`
    Healthy,
    /// `/metrics`
    Metrics,
    /// The workspace.
    Workspace { uri: Uri, operation: Operation },
}

/// An operation of the Prometheus API, for metrics and for repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    RemoteWrite,
    Query,
    QueryRange,
    Series,
    Labels,
    LabelValues,
    Metadata,
    Rules,
    Alerts,
    Other,
}

impl Operation {
    fn of(path: &str) -> Self {
        match path.strip_prefix(API).unwrap_or_default() {
            "remote_write" => Self::RemoteWrite,
            "query" => Self::Query,
            "query_range" => Self::QueryRange,
            "series" => Self::Series,
            "labels" => Self::Labels,
            "metadata" => Self::Metadata,
            "rules" => Self::Rules,
            "alerts" => Self::Alerts,
            label if label.starts_with("label/") && label.ends_with("/values") => Self::LabelValues,
            _ => Self::Other,
        }
    }

    /// The value of the label `operation`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RemoteWrite => "remote_write",
            Self::Query => "query",
            Self::QueryRange => "query_range",
            Self::Series => "series",
            Self::Labels => "labels",
            Self::LabelValues => "label_values",
            Self::Metadata => "metadata",
            Self::Rules => "rules",
            Self::Alerts => "alerts",
            Self::Other => "other",
        }
    }

    /// Queries may be sent by POST, and change nothing all the same.
    pub(crate) fn repeat(self, method: &Method) -> Repeat {
        match self {
            Self::RemoteWrite | Self::Other if *method == Method::POST => Repeat::Unsent,
            _ => Repeat::Unanswered,
        }
    }
}

/// The route of a request.
pub(crate) fn route(method: &Method, uri: &Uri, workspace: &Workspace) -> Result<Route, Refusal> {
    if ![Method::GET, Method::HEAD, Method::POST].contains(method) {
        return Err(Refusal::Method);
    }
    match uri.path() {
        "/-/healthy" => return Ok(Route::Healthy),
        "/metrics" => return Ok(Route::Metrics),
        _ => {}
    }
    let path = path_of_workspace(uri.path(), workspace)?;
    if !path.starts_with(API) {
        return Err(Refusal::NotFound);
    }
    if !path.split('/').skip(1).all(is_plain) {
        return Err(Refusal::Path);
    }
    let uri = workspace.target(path, uri.query()).map_err(|_| Refusal::Path)?;
    Ok(Route::Workspace { uri, operation: Operation::of(path) })
}

/// The part of `path` after `/workspaces/<id>`, if it has that.
fn path_of_workspace<'a>(path: &'a str, workspace: &Workspace) -> Result<&'a str, Refusal> {
    let Some(rest) = path.strip_prefix("/workspaces/") else { return Ok(path) };
    let id = rest.split('/').next().unwrap_or_default();
    if workspace.id() == Some(id) { Ok(&rest[id.len()..]) } else { Err(Refusal::OtherWorkspace) }
}

/// Whether a segment stays one however often it is decoded.
fn is_plain(segment: &str) -> bool {
    let decoded: Vec<u8> = percent_decode_str(segment).collect();
    let is_special = |byte: &u8| matches!(byte, b'/' | b'\\' | b'%') || byte.is_ascii_control();
    !matches!(&decoded[..], b"" | b"." | b"..") && !decoded.iter().any(is_special)
}

/// Whether a request to a proxy on a loopback address comes from a program of this machine. A web page may have a host name
/// that leads to this machine (DNS rebinding), and its requests have that name.
pub(crate) fn is_of_this_machine(headers: &HeaderMap, uri: &Uri) -> bool {
    let of_header = || headers.get(HOST)?.to_str().ok()?.parse::<Authority>().ok();
    uri.authority().cloned().or_else(of_header).is_some_and(|authority| is_loopback(authority.host()))
}

/// Whether a web page of another origin sends the request: it cannot read the response, but it could write. Browsers that have
/// `Sec-Fetch-Site` always send it, and servers such as Grafana may pass on the `same-origin` of their own pages.
pub(crate) fn is_of_another_page(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    let is_here = |origin: Uri| origin.host().is_some_and(is_loopback);
    headers.get(ORIGIN).is_some_and(|origin| {
        !origin.to_str().ok().and_then(|origin| origin.parse().ok()).is_some_and(is_here)
    })
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use aws::{Endpoint, Scope};
    use http::HeaderName;

    use super::*;

    const AMP: &str = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1";

    fn find(method: &Method, target: &str) -> Result<Route, Refusal> {
        let scope = Scope { region: "eu-west-1".to_owned(), service: "aps" };
        let workspace = Workspace { base: Endpoint::parse(AMP).unwrap(), scope };
        route(method, &target.parse().unwrap(), &workspace)
    }

    fn target(path: &str) -> Result<String, Refusal> {
        match find(&Method::GET, path)? {
            Route::Workspace { uri, .. } => Ok(uri.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn short_and_long_paths_lead_to_the_workspace() {
        for (given, sent) in [
            ("/api/v1/query?query=up", "/api/v1/query?query=up"),
            ("/workspaces/ws-1/api/v1/remote_write", "/api/v1/remote_write"),
            ("/api/v1/query?query=a+%2B%20b", "/api/v1/query?query=a%20%2B%20b"),
            ("/api/v1/series?match[]=up{a=%22b%22}", "/api/v1/series?match[]=up{a=%22b%22}"),
            ("/api/v1/label/__name__/values", "/api/v1/label/__name__/values"),
            ("/api/v1/label/caf%C3%A9/values", "/api/v1/label/caf%C3%A9/values"),
            ("http://evil.example.com/api/v1/query", "/api/v1/query"),
            (
                "/api/v1/query?url=https://evil.example.com/../..",
                "/api/v1/query?url=https://evil.example.com/../..",
            ),
        ] {
            assert_eq!(target(given), Ok(format!("{AMP}{sent}")), "{given}");
        }
    }

    #[test]
    fn other_workspaces_are_refused() {
        for path in [
            "/workspaces/ws-2/api/v1/query",
            "/workspaces/",
            "/workspaces//api/v1/query",
            "/workspaces/ws-11/api/v1/query",
        ] {
            assert_eq!(target(path), Err(Refusal::OtherWorkspace), "{path}");
        }
    }

    #[test]
    fn no_path_leaves_the_workspace() {
        for path in [
            "/api/v1/../../ws-2/api/v1/query",
            "/workspaces/ws-1/api/v1/../../../ws-2/api/v1/query",
            "/api/v1/%2e%2e/%2E%2E/ws-2/api/v1/query",
            "/api/v1/.%2e/query",
            "/api/v1/label/..%2f..%2f..%2fws-2/values",
            "/api/v1/label/%252e%252e/values",
            "/api/v1/label/..%5c/values",
            "/api/v1//query",
            "/api/v1/",
            "/api/v1/query%0a",
            "/api/v1/./query",
        ] {
            assert_eq!(target(path), Err(Refusal::Path), "{path}");
        }
        for path in
            ["/", "/api/v1", "/api/v2/alerts", "/x/api/v1/query", "//api/v1/query", "/workspaces/ws-1"]
        {
            assert_eq!(target(path), Err(Refusal::NotFound), "{path}");
        }
    }

    #[test]
    fn the_proxy_answers_for_itself() {
        assert_eq!(find(&Method::GET, "/-/healthy"), Ok(Route::Healthy));
        assert_eq!(find(&Method::GET, "/metrics"), Ok(Route::Metrics));
        assert_eq!(find(&Method::DELETE, "/api/v1/series"), Err(Refusal::Method));
        assert_eq!(find(&Method::OPTIONS, "/api/v1/query"), Err(Refusal::Method));
    }

    #[test]
    fn only_what_changes_nothing_is_repeated() {
        let repeat = |method: Method, path: &str| match find(&method, path) {
            Ok(Route::Workspace { operation, .. }) => operation.repeat(&method),
            other => panic!("{other:?}"),
        };
        assert_eq!(repeat(Method::POST, "/api/v1/remote_write"), Repeat::Unsent);
        assert_eq!(repeat(Method::POST, "/api/v1/admin/tsdb/snapshot"), Repeat::Unsent);
        assert_eq!(repeat(Method::POST, "/api/v1/query_range"), Repeat::Unanswered);
        assert_eq!(repeat(Method::GET, "/api/v1/status/buildinfo"), Repeat::Unanswered);
    }

    #[test]
    fn a_name_of_another_machine_is_not_this_one() {
        let is_here = |host: &str| {
            let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
            is_of_this_machine(&headers, &"/metrics".parse().unwrap())
        };
        for host in ["localhost", "LOCALHOST:8005", "127.0.0.1:8005", "[::1]:8005", "127.8.8.8"] {
            assert!(is_here(host), "{host}");
        }
        for host in ["rebound.example.com:8005", "localhost.example.com", "10.0.0.1", "a b", ""] {
            assert!(!is_here(host), "{host}");
        }
        assert!(!is_of_this_machine(&HeaderMap::new(), &"/metrics".parse().unwrap()));
    }

    #[test]
    fn a_page_of_another_origin_is_no_program() {
        let is_page = |headers: &[(&'static str, &str)]| {
            let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value));
            is_of_another_page(&headers.map(|(name, value)| (name, value.parse().unwrap())).collect())
        };
        for headers in [
            &[][..],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin"), ("origin", "https://grafana.example.com")],
            &[("origin", "http://localhost:3000")],
            &[("origin", "http://[::1]:8005")],
        ] {
            assert!(!is_page(headers), "{headers:?}");
        }
        for headers in [
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")][..],
            &[("sec-fetch-site", "same-site"), ("origin", "http://localhost:3000")],
            &[("origin", "https://evil.example.com")],
            &[("origin", "null")],
            &[("origin", "")],
        ] {
            assert!(is_page(headers), "{headers:?}");
        }
    }
}
