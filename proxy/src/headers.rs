//! Selects the headers that are passed on.
//!
//! Of a request, these are the ones that the Prometheus API reads: credentials of the client, cookies, tenants and `x-amz-*`
//! headers are not for AMP.

use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, PROXY_AUTHENTICATE, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderValue};

/// Those of remote write: `x-prometheus-remote-write-version` and others.
const PROMETHEUS: &str = "x-prometheus-";

/// RFC 9110, 7.6.1: headers of one connection.
const OF_CONNECTION: [HeaderName; 7] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The headers of a request that are signed, and those that are not, because a proxy on the way may change them.
pub(crate) fn of_request(headers: &HeaderMap) -> (HeaderMap, HeaderMap) {
    let select = |is_selected: fn(&HeaderName) -> bool| {
        // A signature covers text only.
        let selected = headers.iter().filter(|(name, value)| is_selected(name) && value.to_str().is_ok());
        selected.map(|(name, value)| (name.clone(), value.clone())).collect::<HeaderMap>()
    };
    let signed = select(|name| {
        [CONTENT_ENCODING, CONTENT_TYPE].contains(name) || name.as_str().starts_with(PROMETHEUS)
    });
    (signed, select(|name| [ACCEPT, ACCEPT_ENCODING, USER_AGENT].contains(name)))
}

/// Removes the headers of the connection to the workspace from a response.
pub(crate) fn remove_those_of_connection(headers: &mut HeaderMap) {
    let connection = headers.get_all(CONNECTION).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    let named = connection.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok());
    let named: Vec<HeaderName> = named.collect();
    for name in OF_CONNECTION.iter().chain(&named) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(text: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        text.iter().copied().map(header).collect()
    }

    #[test]
    fn only_headers_of_the_prometheus_api_are_passed_on() {
        let given = headers(&[
            ("accept-encoding", "gzip"),
            ("authorization", "Basic Z3JhZmFuYQ=="),
            ("connection", "keep-alive"),
            ("content-encoding", "snappy"),
            ("content-type", "application/x-protobuf"),
            ("cookie", "grafana_session=1"),
            ("host", "127.0.0.1:8005"),
            ("user-agent", "Prometheus/3"),
            ("x-amz-date", "20150830T123600Z"),
            ("x-amz-security-token", "other"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-prometheus-remote-write-version", "0.1.0"),
            ("x-scope-orgid", "other"),
        ]);
        let (signed, unsigned) = of_request(&given);
        let expected = headers(&[
            ("content-encoding", "snappy"),
            ("content-type", "application/x-protobuf"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ]);
        assert_eq!(signed, expected);
        assert_eq!(unsigned, headers(&[("accept-encoding", "gzip"), ("user-agent", "Prometheus/3")]));
    }

    #[test]
    fn headers_of_the_connection_are_not_passed_back() {
        let mut given = headers(&[
            ("connection", "keep-alive, X-Own"),
            ("content-type", "application/json"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("x-amzn-requestid", "1"),
            ("x-own", "1"),
        ]);
        remove_those_of_connection(&mut given);
        assert_eq!(given, headers(&[("content-type", "application/json"), ("x-amzn-requestid", "1")]));
    }
}
