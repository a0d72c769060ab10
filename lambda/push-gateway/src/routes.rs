//! The routes of HTTP requests: those of a Pushgateway, of remote write, of OTLP, and
//! `POST /api/v1/events`.
//!
//! The statuses and texts are those of Pushgateway's router (`main.go`). A path with empty segments or `..` is not
//! redirected, because some clients take a redirect for success; only slashes at its start count as one.

use formats::Grouping;

use crate::pushgateway::{InvalidGrouping, grouping};

/// The purpose of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Write the metrics of the body.
    Push {
        /// The labels of the path, `job` first.
        grouping: Grouping,
    },
    /// Delete the metrics of a group, which has no effect.
    Delete,
    /// Write the JSON events of the body.
    Events,
    /// Write the series of the body, which is a write request.
    RemoteWrite,
    /// Write the metrics of the body, which is a request of OTLP.
    Otlp,
    /// `/-/healthy`
    Healthy,
    /// `/-/ready`
    Ready,
    /// `/api/v1/status`
    Status,
    /// `/metrics`
    Metrics,
    /// `/api/v1/metrics`
    ApiMetrics,
    /// The methods that a path has.
    Options {
        /// The methods.
        allow: &'static str,
    },
}

/// The reason why a request has no route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// Status 404.
    #[error("404 page not found")]
    NotFound,
    /// Status 405.
    #[error("Method Not Allowed")]
    Method {
        /// The methods that the path has.
        allow: &'static str,
    },
    /// Status 405, of a path that only quits.
    #[error("Only POST or PUT requests allowed.")]
    Get {
        /// The methods that the path has.
        allow: &'static str,
    },
    /// Status 403.
    #[error("Lifecycle API is not enabled.")]
    Forbidden,
    /// Status 400.
    #[error(transparent)]
    Grouping(#[from] InvalidGrouping),
}

impl Route {
    /// The route of a request with `method` to `path`, which is not decoded and has no query, stage or base path.
    ///
    /// # Errors
    /// [`NoRoute`], which is the answer.
    pub fn of(method: &str, path: &str) -> Result<Self, NoRoute> {
        const GET: &str = "GET, OPTIONS";
        const POST: &str = "OPTIONS, POST";
        let get = |route| match method {
            "GET" => Ok(route),
            "OPTIONS" => Ok(Self::Options { allow: GET }),
            _ => Err(NoRoute::Method { allow: GET }),
        };
        let post = |route| match method {
            "POST" => Ok(route),
            "OPTIONS" => Ok(Self::Options { allow: POST }),
            _ => Err(NoRoute::Method { allow: POST }),
        };
        match path.trim_start_matches('/') {
            "-/healthy" => get(Self::Healthy),
            "-/ready" => get(Self::Ready),
            "-/quit" => quit(method),
            "metrics" => get(Self::Metrics),
            "api/v1/status" => get(Self::Status),
            "api/v1/metrics" => get(Self::ApiMetrics),
            "api/v1/events" => post(Self::Events),
            // The first is Prometheus's, the second AMP's.
            "api/v1/write" | "api/v1/remote_write" => post(Self::RemoteWrite),
            "v1/metrics" => post(Self::Otlp),
            _ => push(method, path),
        }
    }
}

/// Whether load balancers use `path`, which have no credentials.
pub fn is_public(path: &str) -> bool {
    matches!(path.trim_start_matches('/'), "-/healthy" | "-/ready")
}

impl NoRoute {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Grouping(_) => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Method { .. } | Self::Get { .. } => 405,
        }
    }
}

fn push(method: &str, path: &str) -> Result<Route, NoRoute> {
    const ALLOW: &str = "DELETE, OPTIONS, POST, PUT";
    let grouping = grouping(path).ok_or(NoRoute::NotFound)?;
    match method {
        "PUT" | "POST" => Ok(Route::Push { grouping: grouping? }),
        "DELETE" => grouping.map(|_| Route::Delete).map_err(NoRoute::Grouping),
        "OPTIONS" => Ok(Route::Options { allow: ALLOW }),
        _ => Err(NoRoute::Method { allow: ALLOW }),
    }
}

fn quit(method: &str) -> Result<Route, NoRoute> {
    const ALLOW: &str = "GET, OPTIONS, POST, PUT";
    match method {
        "PUT" | "POST" => Err(NoRoute::Forbidden),
        "GET" => Err(NoRoute::Get { allow: ALLOW }),
        "OPTIONS" => Ok(Route::Options { allow: ALLOW }),
        _ => Err(NoRoute::Method { allow: ALLOW }),
    }
}
