//! Routes, against what Pushgateway 1.11.2 answered to a push of `m 1`.

use push_gateway::pushgateway::grouping;
use push_gateway::routes::{NoRoute, Route};
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    method: String,
    target: String,
    status: u16,
    #[serde(default)]
    body: String,
    #[serde(default)]
    allow: String,
}

/// The paths that a Pushgateway cleans, decodes or corrects before it routes them, or redirects to the corrected ones.
fn is_cleaned(recorded: &Recorded) -> bool {
    let path = recorded.target.split('?').next().unwrap_or_default();
    let segments = path.split('/').skip(1);
    recorded.status == 301
        || recorded.status == 307
        || path.to_ascii_lowercase().contains("%2f")
        || segments.into_iter().any(|segment| matches!(segment, "." | ".."))
        // Ours misses the job, not the path.
        || path.ends_with("@base64/")
}

#[test]
fn requests_are_answered_as_by_a_pushgateway() {
    let all: Vec<Recorded> = serde_json::from_str(include_str!("pushgateway-1.11.2.json")).unwrap();
    let mut compared = 0;
    for recorded in all.iter().filter(|recorded| !is_cleaned(recorded)) {
        let Recorded { method, target, status, body, allow } = recorded;
        let route = Route::of(method, target.split('?').next().unwrap());
        let (ours, text) = match &route {
            Ok(_) => (200, String::new()),
            Err(reason) => (reason.status(), reason.to_string()),
        };
        assert_eq!(ours / 100, status / 100, "{method} {target}: {text}");
        if ours >= 400 && method != "HEAD" {
            assert_eq!(ours, *status, "{method} {target}");
            assert!(text.starts_with(body), "{method} {target}: {text} instead of {body}");
        }
        if let Err(NoRoute::Method { allow: ours } | NoRoute::Get { allow: ours }) = route {
            // A Pushgateway names no methods where it is asked to quit.
            assert!(allow.is_empty() || ours == allow, "{method} {target}: {ours} instead of {allow}");
        }
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

fn labels(path: &str) -> Vec<(String, String)> {
    let grouping = grouping(path).unwrap().unwrap();
    grouping.into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect()
}

#[test]
fn labels_are_divided_before_they_are_decoded() {
    for (path, expected) in [
        ("/metrics/job/a", &[("job", "a")] as &[_]),
        ("//metrics/job/a/", &[("job", "a")]),
        ("/metrics/job/a%2Fb/path/%2Fvar%2ftmp", &[("job", "a/b"), ("path", "/var/tmp")]),
        ("/metrics/job/a/x//y/", &[("job", "a"), ("x", ""), ("y", "")]),
        ("/metrics/job/a+b/x/c%2Bd%20e", &[("job", "a+b"), ("x", "c+d e")]),
        ("/metrics/job@base64/YS9i/x@base64/=", &[("job", "a/b"), ("x", "")]),
        ("/metrics/job@base64/YQ%3D%3D/x@base64/w7_Dvg", &[("job", "a"), ("x", "\u{ff}\u{fe}")]),
        ("/metrics/job/a/job/b/x/1/x/2", &[("job", "a"), ("x", "2")]),
    ] {
        let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(labels(path), expected, "{path}");
    }
}

#[test]
fn an_empty_job_is_refused() {
    for path in ["/metrics/job/", "/metrics/job//x/y", "/metrics/job@base64/", "/metrics/job@base64/=="] {
        assert_eq!(grouping(path).unwrap().unwrap_err().to_string(), "job name is required", "{path}");
    }
}

#[test]
fn a_reason_is_bounded_and_on_one_line() {
    let long = "%0Aé".repeat(1_000_000);
    for path in [
        format!("/metrics/job/a/{long}"),
        format!("/metrics/job/a/{long}/x"),
        format!("/metrics/job/a/x@base64/{long}"),
        format!("/metrics/job/a/x/{long}%FF"),
        format!("/metrics/job@base64/{long}"),
    ] {
        let reason = Route::of("PUT", &path).unwrap_err().to_string();
        assert!(reason.len() < 1_500 && reason.lines().count() == 1, "{reason}");
    }
}
