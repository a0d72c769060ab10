//! Prometheus remote write 1.0: every MUST of a sender, checked on the requests that arrived.
//!
//! <https://prometheus.io/docs/specs/prw/remote_write_spec/>

use std::time::Duration;

use local_amp::proto::WriteRequest;
use local_amp::{Action, Fault, Matcher, ReceivedRequest};
use serde_json::json;

use crate::support::{NOW_MS, Setup, Stage, event, large_event, one_event_each};

/// A busy invocation: 40 series with odd names and values, 400 events in a random order.
async fn requests_of_a_busy_invocation() -> Vec<ReceivedRequest> {
    let mut stage = Stage::start().await;
    let mut bodies: Vec<_> = (0..400)
        .map(|at| {
            let dimensions = json!({
                "zone": format!("z{}", at % 4), "a.device": format!("d{}", at % 10), "Env": "prod", "empty": "",
                "_x": "\u{e9}\u{1f600}",
            });
            let metrics = json!({"cpu.load": at, "9lives": "NaN", "job:rate": "-0.0", "ok": 1e300});
            json!({"dimensions": dimensions, "timestamp": NOW_MS + at, "metrics": metrics}).to_string()
        })
        .collect();
    fastrand::Rng::with_seed(1).shuffle(&mut bodies);
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    stage.amp.requests()
}

fn message(request: &ReceivedRequest) -> &WriteRequest {
    request.request.as_ref().expect("a request that can be decoded")
}

/// Checks the rules of the specification for the content of a request.
pub(crate) fn assert_content_is_valid(request: &WriteRequest) {
    let first = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    let mut seen = std::collections::HashSet::new();
    for series in &request.timeseries {
        assert!(seen.insert(&series.labels), "a series twice: {:?}", series.labels);
        assert!(series.labels.windows(2).all(|pair| pair[0].name < pair[1].name), "{:?}", series.labels);
        assert!(series.labels.iter().any(|label| label.name == "__name__"), "{:?}", series.labels);
        for label in &series.labels {
            assert!(!label.name.is_empty() && !label.value.is_empty(), "{:?}", series.labels);
            let is_name = |text: &str, colon: bool| {
                let mut bytes = text.bytes();
                bytes.next().is_some_and(|b| first(b) || (colon && b == b':'))
                    && bytes.all(|b| first(b) || b.is_ascii_digit() || (colon && b == b':'))
            };
            assert!(is_name(&label.name, false), "{label:?}");
            assert!(label.name != "__name__" || is_name(&label.value, true), "{label:?}");
        }
        let floats = series.samples.iter().map(|sample| sample.timestamp);
        let histograms = series.histograms.iter().map(|histogram| histogram.timestamp);
        assert!(floats.len() + histograms.len() > 0, "{:?}", series.labels);
        assert!(floats.is_sorted_by(|a, b| a < b), "{:?}", series.labels);
        assert!(histograms.is_sorted_by(|a, b| a < b), "{:?}", series.labels);
    }
}

/// The stand-in opens a body as a block only, so that the framed format is a violation.
#[tokio::test]
async fn a_request_is_a_post_of_a_snappy_block() {
    for request in requests_of_a_busy_invocation().await {
        assert_eq!((request.method.as_str(), request.violation), ("POST", None));
        assert!(request.decoded_bytes.is_some_and(|decoded| decoded > request.body_bytes));
    }
}

#[tokio::test]
async fn each_header_of_the_protocol_is_there_once() {
    for request in requests_of_a_busy_invocation().await {
        let the_one = |name: &str| {
            let values: Vec<_> = request.headers.get_all(name).iter().collect();
            assert_eq!(values.len(), 1, "{name}: {values:?}");
            values[0].to_str().expect("ASCII").to_owned()
        };
        assert_eq!(the_one("content-encoding"), "snappy");
        assert_eq!(the_one("content-type"), "application/x-protobuf");
        assert_eq!(the_one("x-prometheus-remote-write-version"), "0.1.0");
        assert!(the_one("user-agent").contains('/'));
    }
}

#[tokio::test]
async fn labels_are_valid_samples_ascend_and_no_value_is_stale() {
    let requests = requests_of_a_busy_invocation().await;
    let mut nans = 0;
    for request in &requests {
        assert_content_is_valid(message(request));
        let samples = message(request).timeseries.iter().flat_map(|series| &series.samples);
        assert!(samples.into_iter().all(|sample| sample.value.to_bits() != 0x7ff0_0000_0000_0002));
        let samples = message(request).timeseries.iter().flat_map(|series| &series.samples);
        nans += samples.filter(|sample| sample.value.is_nan()).count();
    }
    let series: usize = requests.iter().map(|request| message(request).timeseries.len()).sum();
    assert_eq!((series, nans), (80, 400), "20 label sets with 4 metrics, one of which is NaN");
}

#[tokio::test]
async fn a_5xx_is_retried_with_backoff() {
    for status in [500, 502, 503, 504, 599] {
        let mut stage = Stage::start().await;
        stage.amp.set_faults(vec![Fault::times(3, Matcher::Any, Action::status(status, ""))]);
        assert_eq!(stage.bodies(&one_event_each(2)).await, [0; 0]);
        let sent: Vec<_> = stage.amp.requests();
        assert_eq!(stage.statuses(), [Some(status), Some(status), Some(status), Some(200)]);
        assert!(sent.windows(2).all(|pair| pair[0].ended < Some(pair[1].began)), "one after the other");
        assert!(sent.iter().all(|request| request.request == sent[0].request), "the same message");
    }
}

#[tokio::test]
async fn a_4xx_other_than_429_is_not_retried() {
    for status in (400..=499).filter(|status| ![408, 413, 429].contains(status)) {
        let mut stage = Stage::start().await;
        stage.fail(Fault::always(Matcher::Any, Action::status(status, "")));
        assert_eq!(stage.bodies(&one_event_each(1)).await, [0], "{status}");
        // After the first 400, a request without samples tests whether this is a receiver at all.
        let sent = stage.amp.requests().iter().filter(|request| request.sample_count() > 0).count();
        assert_eq!((sent, stage.statuses().len()), (1, if status == 400 { 2 } else { 1 }));
    }
}

#[tokio::test]
async fn a_413_is_not_retried_with_the_same_message() {
    let mut stage = Stage::start().await;
    stage.fail(Fault::always(Matcher::SamplesOver(1), Action::status(413, "")));
    assert_eq!(stage.bodies(&one_event_each(4)).await, [0; 0]);
    let messages: Vec<_> = stage.amp.requests();
    for (at, later) in messages.iter().enumerate() {
        assert!(messages[..at].iter().all(|earlier| earlier.request != later.request));
    }
}

#[tokio::test]
async fn a_2xx_without_a_body_is_delivered_and_not_retried() {
    for status in [200, 201, 204, 299] {
        let mut stage = Setup::new().amp(|amp| amp.success_status = status).start().await;
        assert_eq!(stage.bodies(&one_event_each(1)).await, [0; 0]);
        assert_eq!(stage.summary(event("b", NOW_MS, 1)).await, [1, 1, 1, 1], "{status}");
        assert_eq!(stage.statuses(), [Some(status); 2]);
    }
}

/// Other paths of a server answer so, and 202 without a replica means that nothing was stored.
#[tokio::test]
async fn a_2xx_that_stores_nothing_is_given_back() {
    let mut stage = Stage::start().await;
    for (status, body) in
        [(200, "Prometheus Server is Ready.\n"), (200, r#"{"status":"success"}"#), (202, "")]
    {
        stage.amp.reset();
        stage.amp.set_faults(vec![Fault::times(1, Matcher::Any, Action::status(status, body))]);
        assert_eq!(stage.bodies(&one_event_each(1)).await, [0], "{status} {body}");
        assert_eq!(stage.statuses(), [Some(status)]);
    }
}

/// The text of an error is for people.
#[tokio::test]
async fn the_text_of_an_error_is_not_interpreted() {
    let misleading = "out of order sample: please retry later, status 503, success";
    let mut stage = Stage::start().await;
    stage.amp.set_faults(vec![Fault::times(1, Matcher::Any, Action::status(404, misleading))]);
    assert_eq!(stage.bodies(&one_event_each(1)).await, [0]);
    assert_eq!(stage.statuses(), [Some(404)]);
}

/// Large label sets, so that there are several requests; each is slow, so that those that may overlap do.
#[tokio::test]
async fn requests_at_once_have_no_series_in_common() {
    let mut stage = Stage::start().await;
    stage.fail(Fault::always(Matcher::Any, Action::Delay(Duration::from_millis(100))));
    let long = "x".repeat(3_000);
    let bodies: Vec<_> = (0..1_500).map(|at| large_event(at % 700, &long, NOW_MS + at, at)).collect();
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    assert!(stage.amp.requests().len() > 2);
    stage.assert_nothing_overlapped();
    for request in stage.amp.requests() {
        assert_content_is_valid(message(&request));
    }
}

/// One series of 70,000 samples is more than a request holds; its parts go one after the other, in their order.
#[tokio::test]
async fn a_series_in_several_requests_is_sent_in_order() {
    let mut stage = Stage::start().await;
    stage.fail(Fault::always(Matcher::Any, Action::Delay(Duration::from_millis(20))));
    let events: Vec<_> = (0..70_000)
        .map(|at| {
            format!(
                r#"{{"dimensions":{{}},"timestamp":{},"metrics":{{"m":{at}.5}}}}"#,
                NOW_MS + (at * 7_919) % 70_000
            )
        })
        .collect();
    let [events, samples, series, requests] = stage.summary(format!("[{}]", events.join(","))).await;
    assert_eq!((events, samples, series), (70_000, 70_000, 1));
    assert!(requests > 1);
    stage.assert_nothing_overlapped();
    let first_and_last = |request: &ReceivedRequest| {
        let samples = &message(request).timeseries[0].samples;
        (samples[0].timestamp, samples[samples.len() - 1].timestamp)
    };
    let spans: Vec<_> = stage.amp.requests().iter().map(first_and_last).collect();
    assert!(spans.windows(2).all(|pair| pair[0].1 < pair[1].0), "{spans:?}");
}
