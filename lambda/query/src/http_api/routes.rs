//! The paths of Prometheus's HTTP API that AMP serves (AMP User Guide, "Prometheus-compatible APIs"), without those that
//! write.

use http_endpoint::Answer;
use percent_encoding::percent_decode_str;

use crate::labels::values_path;

/// The purpose of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Pass it on to the workspace.
    Read {
        /// The path below the workspace, encoded.
        path: String,
        /// Whether parameters may be a form in a POST, for selectors that are too long for a URL.
        takes_form: bool,
    },
    /// `/`, by which some clients check the connection.
    Root,
    /// `/mcp`
    Mcp,
    /// `/-/healthy`
    Healthy,
    /// `/-/ready`
    Ready,
    /// The methods that a path has.
    Options {
        /// The methods.
        allow: &'static str,
    },
}

/// The reason why a request has no route, in the words of Prometheus's router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoRoute {
    #[error("404 page not found")]
    NotFound,
    #[error("Method Not Allowed")]
    Method { allow: &'static str },
}

impl Route {
    /// The route of a request with `method` to `path`, which is not decoded and has no query, stage or base path.
    pub(crate) fn of(method: &str, path: &str) -> Result<Self, NoRoute> {
        const GET: &str = "GET, OPTIONS";
        const FORM: &str = "GET, OPTIONS, POST";
        const POST: &str = "OPTIONS, POST";
        let (route, allow) = match path.trim_start_matches('/') {
            "" => (Self::Root, GET),
            "-/healthy" => (Self::Healthy, GET),
            "-/ready" => (Self::Ready, GET),
            "mcp" => (Self::Mcp, POST),
            path => {
                let path = path.strip_prefix("api/v1/").ok_or(NoRoute::NotFound)?;
                let (path, takes_form) = match path {
                    "query" | "query_range" | "format_query" | "parse_query" | "series" | "labels" => {
                        (format!("/api/v1/{path}"), true)
                    }
                    "metadata" | "rules" | "alerts" | "status/buildinfo" => {
                        (format!("/api/v1/{path}"), false)
                    }
                    _ => (label_values(path).ok_or(NoRoute::NotFound)?, false),
                };
                let allow = if takes_form { FORM } else { GET };
                (Self::Read { path, takes_form }, allow)
            }
        };
        route.if_allowed(method, allow)
    }

    fn if_allowed(self, method: &str, allow: &'static str) -> Result<Self, NoRoute> {
        match method {
            "OPTIONS" => Ok(Self::Options { allow }),
            "GET" if allow.starts_with("GET") => Ok(self),
            "POST" if allow.ends_with("POST") => Ok(self),
            _ => Err(NoRoute::Method { allow }),
        }
    }
}

/// Whether load balancers use `path`, which have no credentials.
pub(crate) fn is_public(path: &str) -> bool {
    matches!(path.trim_start_matches('/'), "-/healthy" | "-/ready")
}

/// `label/<name>/values` with its name encoded again, so that no name is another path.
fn label_values(path: &str) -> Option<String> {
    let name = path.strip_prefix("label/")?.strip_suffix("/values")?;
    if name.contains('/') {
        return None;
    }
    values_path(&percent_decode_str(name).decode_utf8().ok()?)
}

impl From<NoRoute> for Answer {
    fn from(reason: NoRoute) -> Self {
        match reason {
            NoRoute::NotFound => Self::line(404, &reason),
            NoRoute::Method { allow } => Self::line(405, &reason).with("Allow", allow),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(method: &str, path: &str) -> Result<String, NoRoute> {
        match Route::of(method, path)? {
            Route::Read { path, .. } => Ok(path),
            route => Ok(format!("{route:?}")),
        }
    }

    #[test]
    fn the_reading_paths_of_amp_are_passed_on() {
        for form in ["query", "query_range", "series", "labels", "format_query", "parse_query"] {
            let given = format!("/api/v1/{form}");
            assert_eq!(path("GET", &given), Ok(given.clone()));
            assert_eq!(path("POST", &given), Ok(given.clone()));
        }
        for get in ["metadata", "rules", "alerts", "status/buildinfo", "label/job/values"] {
            let given = format!("/api/v1/{get}");
            assert_eq!(path("GET", &given), Ok(given.clone()));
            assert_eq!(path("POST", &given), Err(NoRoute::Method { allow: "GET, OPTIONS" }));
        }
        assert_eq!(
            path("OPTIONS", "/api/v1/query"),
            Ok(r#"Options { allow: "GET, OPTIONS, POST" }"#.to_owned())
        );
    }

    #[test]
    fn mcp_has_no_streams_or_sessions() {
        assert_eq!(Route::of("POST", "/mcp"), Ok(Route::Mcp));
        for method in ["GET", "DELETE"] {
            assert_eq!(Route::of(method, "/mcp"), Err(NoRoute::Method { allow: "OPTIONS, POST" }));
        }
    }

    #[test]
    fn a_label_name_cannot_be_another_path() {
        let values = |name: &str| path("GET", &format!("/api/v1/label/{name}/values"));
        assert_eq!(values("a%2Fb"), Ok("/api/v1/label/a%2Fb/values".to_owned()));
        assert_eq!(values("..%2f..%2Fquery"), Ok("/api/v1/label/..%2F..%2Fquery/values".to_owned()));
        assert_eq!(values("a.b"), Ok("/api/v1/label/a.b/values".to_owned()));
        assert_eq!(values("a%3Fb"), Ok("/api/v1/label/a%3Fb/values".to_owned()));
        for name in ["", ".", "..", "%2e%2E", "a/b", "../query", "%ff"] {
            assert_eq!(values(name), Err(NoRoute::NotFound), "{name}");
        }
    }

    #[test]
    fn other_paths_are_not_passed_on() {
        assert_eq!(path("GET", "/"), Ok("Root".to_owned()));
        for other in [
            "/api/v1",
            "/api/v1/",
            "/api/v1/query/",
            "/api/v1/remote_write",
            "/api/v1/read",
            "/api/v1/admin/tsdb/delete_series",
            "/api/v1/targets",
            "/api/v1/../query",
            "/workspaces/ws-1/api/v1/query",
            "/-/quit",
        ] {
            assert_eq!(path("GET", other), Err(NoRoute::NotFound), "{other}");
        }
        assert_eq!(path("DELETE", "/api/v1/series"), Err(NoRoute::Method { allow: "GET, OPTIONS, POST" }));
    }
}
