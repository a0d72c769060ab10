//! The event of an HTTP request: nothing of it is read without an identity, and a request whose caller is known is read
//! by its route.
#![no_main]

use std::time::Duration;

use formats::{Format, OtlpDelta, Rules};
use libfuzzer_sys::fuzz_target;
use push_gateway::envelopes::Envelope;
use push_gateway::envelopes::http::Http;
use push_gateway::records::{MAX_SAMPLE_BYTES, Records};
use push_gateway::routes::Route;
use remote_write::{Labels, NameEscaping};

const NOW_MS: i64 = 1_676_398_017_000;

fuzz_target!(|bytes: &[u8]| {
    let Ok(Envelope::Http(http)) = Envelope::read(bytes) else { return };
    assert_eq!(http.records().count(), 0, "nothing is read before authentication");
    let json = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    // A number that is not read may be too large for the oracle.
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(json) else { return };
    assert!(value["requestContext"].is_object() && value["metrics"].is_null());
    let identity = value["requestContext"]["authorizer"].is_object()
        || value["requestContext"]["identity"]["userArn"].is_string();
    assert!(identity || !http.request().has_identity, "an identity that is not in the event");
    let path = http.request().path(Some("/push")).to_owned();
    assert!(path.len() <= http.request().path.len().max(1));
    match Route::of(&http.request().method.clone(), &path) {
        Ok(route) => read(http, &route),
        Err(reason) => {
            assert!((400..500).contains(&reason.status()));
            assert_eq!(reason.to_string().lines().count(), 1);
        }
    }
});

fn read(mut http: Http<'_>, route: &Route) {
    if !matches!(route, Route::Push { .. } | Route::Events | Route::RemoteWrite | Route::Otlp) {
        return;
    }
    if let Err(reason) = http.admit(route.clone(), NOW_MS) {
        assert!([400, 413, 415].contains(&reason.status()));
        return;
    }
    let grouping = http.records().next().expect("one record").grouping;
    match route {
        Route::Push { grouping: expected } => {
            assert_eq!(&grouping, expected);
            let names: Vec<_> = grouping.iter().map(|(name, _)| name.as_str()).collect();
            assert!(names[0] == "job" && !grouping[0].1.is_empty());
            assert!(names.iter().all(|name| !name.starts_with("__")));
        }
        _ => assert!(grouping.is_empty()),
    }
    let rules = Rules {
        escaping: NameEscaping::Underscores,
        external_labels: &Labels::default(),
        max_sample_bytes: MAX_SAMPLE_BYTES,
        grouping: &Vec::new(),
        received_ms: 0,
        now_ms: NOW_MS,
        max_future: Duration::from_mins(1),
        otlp_delta: OtlpDelta::Refuse,
    };
    let (records, _) = Records::read(&Envelope::Http(http), Format::Event, rules);
    assert_eq!(records.records.len(), 1);
}
