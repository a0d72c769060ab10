//! Prometheus remote write 1.0: each MUST of a sender is one test, against what the receiver saw.
//!
//! <https://prometheus.io/docs/specs/prw/remote_write_spec/>

use std::time::Duration;

use local_amp::proto::WriteRequest;
use local_amp::{Action, Fault, Matcher, ReceivedRequest};
use serde_json::json;

use crate::random::Random;
use crate::support::{NOW_MS, Setup, Stage, event, one_event_each};

/// A busy invocation: 40 series with odd names and values, 400 events in a random order.
async fn requests_of_a_busy_invocation() -> Vec<ReceivedRequest> {
    let mut stage = Stage::start().await;
    let mut random = Random::new(1);
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
    random.shuffle(&mut bodies);
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    stage.amp.requests()
}

fn message(request: &ReceivedRequest) -> &WriteRequest {
    request.request.as_ref().expect("a request that can be decoded")
}

/// What the specification demands of the content of every request.
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
        assert!(!series.samples.is_empty(), "{:?}", series.labels);
        assert!(
            series.samples.windows(2).all(|pair| pair[0].timestamp < pair[1].timestamp),
            "{:?}",
            series.labels
        );
        assert!(series.samples.iter().all(|sample| sample.value.to_bits() != 0x7ff0_0000_0000_0002));
    }
}

#[tokio::test]
async fn the_message_is_sent_in_the_body_of_a_post() {
    let requests = requests_of_a_busy_invocation().await;
    assert!(requests.iter().all(|request| request.method == "POST" && request.body_bytes > 0));
}

#[tokio::test]
async fn the_content_encoding_is_snappy() {
    the_one_header_is("content-encoding", |value| value == "snappy").await;
}

#[tokio::test]
async fn the_content_type_is_protobuf() {
    the_one_header_is("content-type", |value| value == "application/x-protobuf").await;
}

#[tokio::test]
async fn the_user_agent_says_who_sends() {
    the_one_header_is("user-agent", |value| value.contains('/') && value.len() > 5).await;
}

#[tokio::test]
async fn the_version_is_0_1_0() {
    the_one_header_is("x-prometheus-remote-write-version", |value| value == "0.1.0").await;
}

async fn the_one_header_is(name: &str, expected: impl Fn(&str) -> bool) {
    for request in requests_of_a_busy_invocation().await {
        let values: Vec<_> =
            request.headers.get_all(name).iter().map(|value| value.to_str().expect("ASCII")).collect();
        assert!(values.len() == 1 && expected(values[0]), "{name}: {values:?}");
    }
}

/// The stand-in opens bodies as a block only; the framed format begins with a stream identifier that is no block.
#[tokio::test]
async fn the_body_is_in_snappys_block_format() {
    for request in requests_of_a_busy_invocation().await {
        assert_eq!(request.violation, None);
        assert!(request.decoded_bytes.is_some_and(|decoded| decoded > request.body_bytes));
    }
}

#[tokio::test]
async fn label_names_are_sorted() {
    check_series(|labels| labels.windows(2).all(|pair| pair[0].0.as_bytes() <= pair[1].0.as_bytes())).await;
}

#[tokio::test]
async fn no_label_name_is_repeated() {
    check_series(|labels| labels.windows(2).all(|pair| pair[0].0 != pair[1].0)).await;
}

#[tokio::test]
async fn no_label_name_or_value_is_empty() {
    check_series(|labels| labels.iter().all(|(name, value)| !name.is_empty() && !value.is_empty())).await;
}

#[tokio::test]
async fn every_series_has_a_metric_name_and_all_names_are_in_their_charset() {
    for request in requests_of_a_busy_invocation().await {
        assert_content_is_valid(message(&request));
    }
}

async fn check_series(holds: impl Fn(&[(&str, &str)]) -> bool) {
    let requests = requests_of_a_busy_invocation().await;
    let series: Vec<_> = requests.iter().flat_map(|request| &message(request).timeseries).collect();
    assert_eq!(series.len(), 80, "20 label sets with 4 metrics");
    for series in series {
        let labels: Vec<_> =
            series.labels.iter().map(|label| (label.name.as_str(), label.value.as_str())).collect();
        assert!(holds(&labels), "{labels:?}");
    }
}

#[tokio::test]
async fn samples_of_a_series_are_in_the_order_of_their_timestamps() {
    for request in requests_of_a_busy_invocation().await {
        for series in &message(&request).timeseries {
            assert!(series.samples.len() > 1);
            assert!(series.samples.windows(2).all(|pair| pair[0].timestamp < pair[1].timestamp));
        }
    }
}

#[tokio::test]
async fn the_stale_marker_is_used_for_no_value() {
    for request in requests_of_a_busy_invocation().await {
        let samples = message(&request).timeseries.iter().flat_map(|series| &series.samples);
        let nans: Vec<_> = samples.filter(|sample| sample.value.is_nan()).collect();
        assert_eq!(nans.len(), 400);
        assert!(nans.iter().all(|sample| sample.value.to_bits() != 0x7ff0_0000_0000_0002));
    }
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
        assert_eq!(stage.statuses(), [Some(status)]);
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
async fn a_2xx_is_not_retried() {
    for status in [200, 202, 204] {
        let mut stage = Setup::new().amp(|amp| amp.success_status = status).start().await;
        assert_eq!(stage.bodies(&one_event_each(1)).await, [0; 0]);
        assert_eq!(stage.statuses(), [Some(status)]);
    }
}

/// "The response body from the remote write receiver MUST be ignored", and an error's is for people.
#[tokio::test]
async fn the_words_of_an_answer_are_not_interpreted() {
    let misleading = "out of order sample: please retry later, status 503, success";
    let mut stage = Stage::start().await;
    for (status, delivered) in [(200, true), (404, false)] {
        stage.amp.reset();
        stage.amp.set_faults(vec![Fault::times(1, Matcher::Any, Action::status(status, misleading))]);
        assert_eq!(stage.bodies(&one_event_each(1)).await.is_empty(), delivered, "{status}");
        assert_eq!(stage.statuses(), [Some(status)]);
    }
}

/// Large label sets, so that there are several requests; each is slow, so that those that may overlap do.
#[tokio::test]
async fn requests_travel_at_once_only_if_they_have_no_series_in_common() {
    let mut stage = Stage::start().await;
    stage.fail(Fault::always(Matcher::Any, Action::Delay(Duration::from_millis(100))));
    let long = "x".repeat(3_000);
    let bodies: Vec<_> =
        (0..1_500).map(|at| event(&format!("{}-{long}", at % 700), NOW_MS + at, at)).collect();
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    assert!(stage.amp.requests().len() > 2);
    stage.assert_nothing_overlapped();
    for request in stage.amp.requests() {
        assert_content_is_valid(message(&request));
    }
}

/// One series of 70,000 samples is more than a request holds; its parts go one after the other, in their order.
#[tokio::test]
async fn a_series_that_needs_several_requests_is_sent_in_the_order_of_its_samples() {
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
