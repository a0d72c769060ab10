//! URLs that requests are sent to, checked once, with the region that an AMP host names.

use http::Uri;
use http::uri::PathAndQuery;

use crate::text::truncate;

/// A URL that requests can be sent to, in the form in which the HTTP client sends it: the host in lower case, without
/// the default port. Another form would be signed for a host that the receiver does not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    uri: Uri,
}

/// The reason why a text is not an endpoint. Only a path on AMP's own hosts is repeated: other text may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// Not a URL at all.
    #[error("expected a URL, got text that is not one ({0})")]
    NotAUrl(String),
    /// Another scheme, or none.
    #[error("expected a URL that starts with https:// or http://")]
    Scheme,
    /// `https://user:password@host` would be logged and sent on.
    #[error("expected a URL without a user name or password")]
    UserInfo,
    /// `https:///path`
    #[error("expected a URL with a host")]
    Host,
    /// The fragment of a URL is never sent.
    #[error("expected a URL without a fragment (#)")]
    Fragment,
    /// On an AMP host, another path: without a workspace, or of another operation.
    #[error("expected the path /workspaces/<workspace id>{operation} on a host of AMP, got {found:?}")]
    AmpPath {
        /// The end of the expected path.
        operation: &'static str,
        /// The path, truncated to 64 characters.
        found: String,
    },
    /// Clients resolve `.` and `..`, so another path than the configured one would be requested.
    #[error("expected a URL without the path segments . and ..")]
    DotSegment,
}

impl Endpoint {
    /// Checks that `url` is an absolute `http` or `https` URL with a host.
    ///
    /// # Errors
    /// [`InvalidEndpoint`]
    pub fn parse(url: &str) -> Result<Self, InvalidEndpoint> {
        let not_a_url = |error: http::uri::InvalidUri| InvalidEndpoint::NotAUrl(error.to_string());
        let given: Uri = url.parse().map_err(not_a_url)?;
        if !matches!(given.scheme_str(), Some("http" | "https")) {
            return Err(InvalidEndpoint::Scheme);
        }
        let Some(authority) = given.authority() else { return Err(InvalidEndpoint::Host) };
        if authority.as_str().contains('@') {
            return Err(InvalidEndpoint::UserInfo);
        }
        if authority.host().is_empty() {
            return Err(InvalidEndpoint::Host);
        }
        if url.contains('#') {
            return Err(InvalidEndpoint::Fragment);
        }
        if given.path().split('/').any(is_dot_segment) {
            return Err(InvalidEndpoint::DotSegment);
        }
        let sent = reqwest::Url::parse(url).map_err(|error| InvalidEndpoint::NotAUrl(error.to_string()))?;
        Ok(Self { uri: sent.as_str().parse().map_err(not_a_url)? })
    }

    /// Checks that on an AMP host, the path is `/workspaces/<workspace id>` and then `operation`. AMP answers some other
    /// paths as if the data were at fault. Other hosts may use any path.
    ///
    /// # Errors
    /// [`InvalidEndpoint::AmpPath`].
    pub fn with_amp_path(self, operation: &'static str) -> Result<Self, InvalidEndpoint> {
        let path = self.uri.path();
        let id = path.strip_prefix("/workspaces/").and_then(|rest| rest.strip_suffix(operation));
        if self.region().is_none() || id.is_some_and(|id| !id.is_empty() && !id.contains('/')) {
            return Ok(self);
        }
        Err(InvalidEndpoint::AmpPath { operation, found: truncate(path, 64).to_owned() })
    }

    /// The root of the same host.
    #[must_use]
    pub fn root(&self) -> Self {
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        Self { uri: Uri::from_parts(parts).expect("a scheme, a host and a path make a URL") }
    }

    /// The URL.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The region in the host name of an AMP workspace: `aps-workspaces.<region>.amazonaws.com`, its FIPS and
    /// dual-stack variants, and its interface endpoints in a VPC.
    pub fn region(&self) -> Option<&str> {
        const SUFFIXES: [&str; 5] = [
            ".vpce.amazonaws.com",
            ".amazonaws.com",
            ".amazonaws.com.cn",
            ".api.aws",
            ".api.amazonwebservices.com.cn",
        ];
        let host = self.uri.host()?;
        let host = SUFFIXES.iter().find_map(|suffix| host.strip_suffix(suffix))?;
        let (service, region) = host.rsplit_once('.')?;
        let service = service.rsplit('.').next()?;
        let is_amp = matches!(service, "aps-workspaces" | "aps-workspaces-fips") && is_region(region);
        is_amp.then_some(region)
    }
}

/// `.` or `..`, the dots encoded or not (<https://url.spec.whatwg.org/#double-dot-path-segment>).
fn is_dot_segment(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// Whether `text` has the form of a region's code, as in `eu-west-1` and `us-gov-east-1`. Anyone can have other names
/// under `amazonaws.com`: `aps-workspaces.s3.amazonaws.com` is a bucket.
pub fn is_region(text: &str) -> bool {
    let mut parts = text.split('-').rev();
    let number =
        parts.next().is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    let words = parts.clone().count();
    let are_words = parts.all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase()));
    number && are_words && words >= 2 && text.len() <= 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(host: &str) -> Option<String> {
        let endpoint =
            Endpoint::parse(&format!("https://{host}/workspaces/ws-1/api/v1/remote_write")).unwrap();
        endpoint.region().map(str::to_owned)
    }

    #[test]
    fn every_form_of_an_amp_host_names_a_region() {
        for host in [
            "aps-workspaces.eu-west-1.amazonaws.com",
            "aps-workspaces-fips.eu-west-1.amazonaws.com",
            "aps-workspaces.eu-west-1.api.aws",
            "aps-workspaces.eu-west-1.amazonaws.com:443",
            "vpce-0a1b2c-3d4e.aps-workspaces.eu-west-1.vpce.amazonaws.com",
        ] {
            assert_eq!(region(host).as_deref(), Some("eu-west-1"), "{host}");
        }
        assert_eq!(region("aps-workspaces.cn-north-1.amazonaws.com.cn").as_deref(), Some("cn-north-1"));
    }

    /// `reqwest::Url` sends the request, so its form of a URL is the one to sign: parsed again, it stays the same.
    #[test]
    fn a_url_has_the_form_in_which_it_is_sent() {
        for (given, sent) in [
            (
                "HTTPS://APS-Workspaces.EU-West-1.AmazonAWS.com/W",
                "https://aps-workspaces.eu-west-1.amazonaws.com/W",
            ),
            ("http://host:9090", "http://host:9090/"),
            ("http://host:80/a", "http://host/a"),
            ("https://host:443/a?b=C", "https://host/a?b=C"),
            ("https://host:80/a", "https://host:80/a"),
            ("http://127.1:9090/a", "http://127.0.0.1:9090/a"),
            ("http://[0:0::1]:9090/a", "http://[::1]:9090/a"),
            ("http://host/a{b}%7e/...", "http://host/a%7Bb%7D%7e/..."),
        ] {
            let endpoint = Endpoint::parse(given).unwrap();
            assert_eq!(endpoint.uri().to_string(), sent, "{given}");
            assert_eq!(reqwest::Url::parse(sent).unwrap().as_str(), sent, "{given}");
        }
        assert_eq!(
            region("VPCE-1.APS-WORKSPACES.EU-WEST-1.VPCE.AMAZONAWS.COM").as_deref(),
            Some("eu-west-1")
        );
    }

    #[test]
    fn other_hosts_name_no_region() {
        for host in [
            "127.0.0.1:9090",
            "prometheus.example.com",
            "aps-workspaces.eu-west-1.example.com",
            "aps-workspaces.amazonaws.com",
            "aps-workspaces..amazonaws.com",
            "aps-workspaces.s3.amazonaws.com",
            "bucket.aps-workspaces.s3.amazonaws.com",
            "aps-workspaces.s3.eu-west-1.amazonaws.com",
            "aps-workspaces.vpce-svc-0a1b.eu-west-1.vpce.amazonaws.com",
            "eu-west-1.amazonaws.com",
        ] {
            assert_eq!(region(host), None, "{host}");
        }
    }

    #[test]
    fn an_invalid_url_has_a_reason() {
        let error = |url: &str| Endpoint::parse(url).unwrap_err();
        assert_eq!(error("aps-workspaces.eu-west-1.amazonaws.com"), InvalidEndpoint::Scheme);
        assert_eq!(error("/workspaces/ws-1"), InvalidEndpoint::Scheme);
        assert_eq!(error("ftp://host/path"), InvalidEndpoint::Scheme);
        assert_eq!(error("https://user:secret@host/path"), InvalidEndpoint::UserInfo);
        assert_eq!(error("https://host/path#part"), InvalidEndpoint::Fragment);
        assert!(matches!(error("http://127.0.0.1:99999/path"), InvalidEndpoint::NotAUrl(_)));
        for path in [".", "..", "a/../b", "a/./b", "a/%2E%2e", "a/.%2e/b"] {
            assert_eq!(error(&format!("https://host/{path}")), InvalidEndpoint::DotSegment, "{path}");
        }
        assert!(matches!(error("https://"), InvalidEndpoint::NotAUrl(_)));
        assert!(matches!(error(""), InvalidEndpoint::NotAUrl(_)));
        assert!(matches!(error("https://host/a b"), InvalidEndpoint::NotAUrl(_)));
    }

    #[test]
    fn hosts_of_amp_have_the_path_of_a_workspace() {
        const REMOTE_WRITE: &str = "/api/v1/remote_write";
        let check = |url: &str, operation| Endpoint::parse(url).unwrap().with_amp_path(operation);
        for host in [
            "aps-workspaces.eu-west-1.amazonaws.com",
            "aps-workspaces-fips.us-east-1.amazonaws.com",
            "aps-workspaces.eu-west-1.api.aws",
            "aps-workspaces.cn-north-1.amazonaws.com.cn",
            "vpce-0a1b2c-3d4e.aps-workspaces.eu-west-1.vpce.amazonaws.com",
        ] {
            assert!(
                check(&format!("https://{host}/workspaces/ws-1/api/v1/remote_write"), REMOTE_WRITE).is_ok()
            );
            assert!(check(&format!("https://{host}/workspaces/ws-1"), "").is_ok());
            for path in [
                "/",
                "/api/v1/remote_write",
                "/workspaces/api/v1/remote_write",
                "/workspaces//api/v1/remote_write",
                "/workspaces/ws-1/api/v1/query",
                "/workspaces/ws-1/api/v1/remote_write/",
                "/workspaces/ws-1/x/api/v1/remote_write",
                "/x/workspaces/ws-1/api/v1/remote_write",
            ] {
                let url = format!("https://{host}{path}");
                let reason = check(&url, REMOTE_WRITE).expect_err(&url).to_string();
                let expected = format!(
                    "expected the path /workspaces/<workspace id>/api/v1/remote_write on a host of AMP, got {path:?}"
                );
                assert_eq!(reason, expected);
                assert!(check(&url, "").is_err(), "{url}");
            }
        }
        assert!(check("https://prometheus.example.com/api/v1/write", REMOTE_WRITE).is_ok());
    }
}
