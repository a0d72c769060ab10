//! Payloads that are large or deep on purpose: answered in time, within the memory of the smallest function.

use std::time::Duration;

use bytes::Bytes;
use local_amp::{Action, Fault, Matcher};
use local_lambda::runtime::{Invocation, MAX_PAYLOAD_BYTES};
use local_testing::clock::Clock;
use local_testing::scripted::{Answer, ScriptedServer};
use serde_json::json;

use crate::support::{NOW_MS, QUEUE, SMALLEST_FUNCTION_KB, Setup, Stage, event, large_event};

/// Invokes with a hostile payload; the function must answer within its memory and still work afterwards.
pub(crate) async fn survives(stage: &mut Stage, payload: impl Into<Bytes>) -> Invocation {
    let invocation = stage.invoke(payload).await;
    assert!(invocation.max_rss_kb < Some(SMALLEST_FUNCTION_KB), "{:?} kB", invocation.max_rss_kb);
    stage.amp.set_faults(Vec::new());
    assert_eq!(stage.summary(event("after", NOW_MS, 1)).await, [1, 1, 1, 1]);
    invocation
}

/// The share of a CPU that the smallest function has: a whole one comes with 1,769 MB.
const SMALLEST_FUNCTION_CPU: f64 = 128.0 / 1_769.0;

/// Checks that a quarter of the memory is left.
#[track_caller]
fn has_spare_memory(invocation: &Invocation) {
    let rss_kb = invocation.max_rss_kb;
    println!("{rss_kb:?} kB, {:?} of CPU time", invocation.cpu);
    assert!(rss_kb < Some(SMALLEST_FUNCTION_KB / 4 * 3), "{rss_kb:?} kB");
}

pub(crate) fn error_kind(invocation: &Invocation) -> &str {
    invocation.function_error().map_or("none", |(kind, _)| kind)
}

#[tokio::test]
async fn a_million_open_brackets_are_an_error() {
    let mut stage = Stage::start().await;
    let deep = 1_000_000;
    for (payload, kind) in [
        ("[".repeat(deep), "UnknownPayload"),
        ("{\"a\":".repeat(deep), "UnknownPayload"),
        (format!("{}{}", "[".repeat(deep), "]".repeat(deep)), "InvalidEvent"),
        (format!("[{}1{}]", "{\"a\":".repeat(deep), "}".repeat(deep)), "InvalidEvent"),
        (
            format!(r#"{{"dimensions":{{}},"timestamp":1,"metrics":{{"m":{}}}}}"#, "[".repeat(deep)),
            "UnknownPayload",
        ),
    ] {
        let invocation = survives(&mut stage, payload).await;
        assert_eq!(error_kind(&invocation), kind);
    }
}

#[tokio::test]
async fn depth_inside_an_event_or_a_message_is_survived() {
    let mut stage = Stage::start().await;
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let event = event("a", NOW_MS, 1);
    let unknown_key = event.replacen('{', &format!(r#"{{"deep":{deep},"#), 1);
    assert!(survives(&mut stage, unknown_key).await.json().is_some());
    assert_eq!(stage.bodies(&["[".repeat(1_000_000), event]).await, [0]);
    let dimension = format!(r#"{{"dimensions":{{"x":{deep}}},"timestamp":1,"metrics":{{"m":1}}}}"#);
    assert_eq!(error_kind(&survives(&mut stage, dimension).await), "InvalidEvent");
}

#[tokio::test]
async fn millions_of_invalid_events_need_little_memory() {
    let mut stage = Stage::start().await;
    let zeros = survives(&mut stage, format!("[{}{}]", "0,".repeat(3_000_000), event("a", NOW_MS, 1))).await;
    let (kind, message) = zeros.function_error().expect("zeros are not events");
    assert_eq!(kind, "InvalidEvent");
    has_spare_memory(&zeros);
    let seconds = zeros.cpu.expect("it is alive").as_secs_f64() / SMALLEST_FUNCTION_CPU;
    assert!(seconds < 10.0, "{seconds} s of the 30 s that a function usually has");
    assert!(message.starts_with("3000000 of 3000001 events are invalid: event 0: "), "{message}");
    assert_eq!(stage.stored("ph", "a").len(), 1, "the one event among them is written");
    let records = format!(r#"{{"Records":[{}{{}}]}}"#, "{},".repeat(2_000_000));
    assert_eq!(error_kind(&survives(&mut stage, records).await), "UnknownPayload");
}

#[tokio::test]
async fn six_megabytes_of_one_text_are_survived_anywhere() {
    let mut stage = Stage::start().await;
    let long = "k".repeat(MAX_PAYLOAD_BYTES - 200);
    for payload in [
        format!(r#"{{"{long}":1,"dimensions":{{}},"timestamp":{NOW_MS},"metrics":{{"m":1}}}}"#),
        format!(r#"{{"dimensions":{{"{long}":"x"}},"timestamp":{NOW_MS},"metrics":{{"m":1}}}}"#),
        format!(r#"{{"dimensions":{{"x":"{long}"}},"timestamp":{NOW_MS},"metrics":{{"m":1}}}}"#),
        format!(r#"{{"dimensions":{{}},"timestamp":{NOW_MS},"metrics":{{"{long}":1}}}}"#),
        format!(r#"{{"dimensions":{{}},"timestamp":{NOW_MS},"metrics":{{"m":"{long}"}}}}"#),
        format!(r#"{{"dimensions":{{}},"timestamp":"{long}","metrics":{{"m":1}}}}"#),
        format!(r#"{{"Records":[{{"messageId":"{long}","body":"x","eventSource":"aws:sqs"}}]}}"#),
        format!(r#"{{"Records":[{{"messageId":"x","body":"{long}","eventSource":"aws:sqs"}}]}}"#),
        format!(r#"{{"Records":[{{"messageId":"x","body":"x","eventSource":"{long}"}}]}}"#),
        format!("\"{long}\""),
        format!(r#"{{"dimensions":{{}},"timestamp":{NOW_MS},"metrics":{{"m":{}}}}}"#, "9".repeat(long.len())),
        format!(r#"{{"dimensions":{{}},"timestamp":{},"metrics":{{"m":1}}}}"#, "9".repeat(long.len())),
        format!(r#"{{"dimensions":{{}},"timestamp":1,"metrics":{{"m":"0.{}1"}}}}"#, "0".repeat(long.len())),
    ] {
        let invocation = survives(&mut stage, payload).await;
        let logged: usize = invocation.logs.iter().map(String::len).sum();
        assert!(logged < 20_000, "{logged} bytes of logs");
        assert!(invocation.function_error().is_none_or(|(_, message)| message.len() < 4_000));
    }
}

#[tokio::test]
async fn sixty_thousand_events_of_one_series_are_written() {
    let mut stage = Stage::start().await;
    let mut order: Vec<i64> = (0..60_000).collect();
    fastrand::Rng::with_seed(7).shuffle(&mut order);
    let events: Vec<_> = order
        .iter()
        .map(|at| format!(r#"{{"dimensions":{{}},"timestamp":{},"metrics":{{"m":{at}}}}}"#, NOW_MS + at))
        .collect();
    let invocation = survives(&mut stage, format!("[{}]", events.join(","))).await;
    assert_eq!(invocation.json().expect("a summary")["samples"], 60_000);
    let stored = stage.amp.samples_of(&[("__name__", "m")]);
    assert_eq!(stored.len(), 60_000);
    assert!(stored.iter().all(|(at, value)| format!("{value}") == (at - NOW_MS).to_string()));
}

#[tokio::test]
async fn sixty_thousand_events_of_one_instant_are_one_sample() {
    let mut stage = Stage::start().await;
    let event = |at: i64| format!(r#"{{"dimensions":{{}},"timestamp":{NOW_MS},"metrics":{{"m":{at}}}}}"#);
    let events: Vec<_> = (0..60_000).map(event).collect();
    survives(&mut stage, format!("[{}]", events.join(","))).await;
    let stored: Vec<_> = stage.amp.samples_of(&[("__name__", "m")]).into_iter().collect();
    assert_eq!(stored, [(NOW_MS, 59_999.0)]);
}

#[tokio::test]
async fn ten_thousand_records_are_answered_record_by_record() {
    let mut stage = Stage::start().await;
    let records: Vec<_> = (0..10_000)
        .map(|at| {
            let body = if at % 10 == 3 { "hello".to_owned() } else { event(&format!("d{}", at % 100), NOW_MS + at, at) };
            json!({
                "messageId": format!("00000000-0000-4000-8000-{at:012}"), "receiptHandle": "r".repeat(100),
                "body": body, "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1676398017000"},
                "messageAttributes": {}, "eventSource": "aws:sqs", "eventSourceARN": QUEUE, "awsRegion": "eu-west-1",
            })
        })
        .collect();
    let payload = json!({ "Records": records }).to_string();
    assert!(payload.len() > 4_000_000 && payload.len() < MAX_PAYLOAD_BYTES, "{}", payload.len());
    let invocation = survives(&mut stage, payload).await;
    let ids = invocation.batch_item_failures().expect("an answer to a batch");
    let expected: Vec<_> =
        (0..10_000).filter(|at| at % 10 == 3).map(|at| format!("00000000-0000-4000-8000-{at:012}")).collect();
    assert_eq!(ids, expected);
    assert_eq!(stage.amp.sample_count(), 9_000 + 1);
}

#[tokio::test]
async fn a_label_of_two_megabytes_harms_only_its_event() {
    let mut stage = Stage::start().await;
    let bodies = [event("a", NOW_MS, 1), event(&"x".repeat(2_000_000), NOW_MS, 1), event("b", NOW_MS, 1)];
    assert_eq!(stage.bodies(&bodies).await, [1]);
    assert_eq!(stage.stored_devices(), ["a", "b"]);
    let (kind, message) = stage.error(bodies[1].clone()).await;
    assert!(kind == "InvalidEvent" && message.len() < 1_000, "{message}");
}

/// AMP accepts 7 KB of labels; the receiver rejects larger ones that fit into a request.
#[tokio::test]
async fn a_label_that_fits_into_a_request_is_sent() {
    let mut stage = Stage::start().await;
    let bodies = [event("a", NOW_MS, 1), event(&"x".repeat(999_000), NOW_MS, 1), event("b", NOW_MS, 1)];
    assert_eq!(stage.bodies(&bodies).await, [1]);
    assert_eq!(stage.stored_devices(), ["a", "b"]);
    for request in stage.amp.requests() {
        assert!(request.decoded_bytes.is_some_and(|bytes| bytes <= 1_000_000), "{:?}", request.decoded_bytes);
    }
}

#[tokio::test]
async fn incompressible_requests_stay_within_the_limit() {
    let mut stage = Stage::start().await;
    let mut random = fastrand::Rng::with_seed(9);
    let mut noise = || -> String {
        (0..6_500).map(|_| char::from(b"0123456789abcdefABCDEF+/"[random.usize(..24)])).collect()
    };
    let bodies: Vec<_> = (0..800).map(|at| large_event(at, &noise(), NOW_MS + at, at)).collect();
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    for request in stage.amp.requests() {
        assert!(request.body_bytes <= 1_000_000 && request.decoded_bytes <= Some(1_000_000));
    }
}

/// A receiver that answers every request with this status and does not decode it.
pub(crate) async fn receiver(status: u16) -> (ScriptedServer, String) {
    let server = ScriptedServer::by(move |_, _| Answer::new(status, "")).await;
    let url = format!("{}/api/v1/remote_write", server.url());
    (server, url)
}

/// Six megabytes on the way in: a label of 900 kB, under which there are metrics enough to make hundreds of gigabytes
/// of it on the way out.
#[tokio::test]
async fn an_event_of_gigabytes_on_the_wire_is_answered_in_time() {
    let (_receiver, url) = receiver(200).await;
    let mut stage = Setup::new().timeout_s(5).url(&url).start().await;
    let metrics: Vec<_> = (0..350_000).map(|at| format!(r#""m{at:x}":1"#)).collect();
    let payload = format!(
        r#"{{"dimensions":{{"x":"{}"}},"timestamp":{NOW_MS},"metrics":{{{}}}}}"#,
        "x".repeat(900_000),
        metrics.join(",")
    );
    assert!(payload.len() > 4_000_000 && payload.len() < MAX_PAYLOAD_BYTES, "{}", payload.len());
    let invocation = survives(&mut stage, payload).await;
    assert_eq!(error_kind(&invocation), "WriteFailed");
}

/// The old ones of these series are held back, and with them all of the new ones, each in a request of its own.
#[tokio::test]
async fn series_by_the_hundred_thousand_are_held_back_in_time() {
    let (_receiver, url) = receiver(401).await;
    let mut stage = Setup::new().timeout_s(20).url(&url).start().await;
    let metrics: Vec<_> = (0..150_000).map(|at| format!(r#""m{at:x}":1"#)).collect();
    let of = |timestamp: i64| {
        format!(
            r#"{{"dimensions":{{"x":"{}"}},"timestamp":{timestamp},"metrics":{{{}}}}}"#,
            "x".repeat(10_000),
            metrics.join(",")
        )
    };
    // The clock of the function is the real one: long after the first of these.
    let invocation = stage.invoke(format!("[{},{}]", of(NOW_MS), of(Clock::system().now_ms()))).await;
    assert_eq!(error_kind(&invocation), "WriteFailed");
    assert!(invocation.max_rss_kb < Some(SMALLEST_FUNCTION_KB), "{:?} kB", invocation.max_rss_kb);
}

#[tokio::test]
async fn an_event_of_480_000_metrics_stays_within_the_memory() {
    let (_receiver, url) = receiver(200).await;
    let mut stage = Setup::new().timeout_s(20).url(&url).start().await;
    let metrics: Vec<_> = (0..480_000).map(|at| format!(r#""m{at:x}":1"#)).collect();
    let payload =
        format!(r#"{{"dimensions":{{}},"timestamp":{NOW_MS},"metrics":{{{}}}}}"#, metrics.join(","));
    assert!(payload.len() > 5_000_000 && payload.len() < MAX_PAYLOAD_BYTES, "{}", payload.len());
    let invocation = survives(&mut stage, payload).await;
    assert_eq!(invocation.json().expect("a summary")["samples"], 480_000);
}

/// The most metrics that fit into a payload, with names as short as they can be after `prefix`.
fn largest_event(prefix: &str) -> String {
    let letters: Vec<_> = ('a'..='z').chain('A'..='Z').collect();
    // a, b, …, Z, aa, ba, …
    let name = |mut at: usize| -> String {
        let mut name = String::new();
        while at > 0 {
            name.push(letters[(at - 1) % letters.len()]);
            at = (at - 1) / letters.len();
        }
        name
    };
    let mut payload = format!(r#"{{"dimensions":{{}},"timestamp":{NOW_MS},"metrics":{{"{prefix}a":1"#);
    let mut metrics = 1;
    while payload.len() < MAX_PAYLOAD_BYTES - 20 {
        metrics += 1;
        payload.extend([",\"", prefix, name(metrics).as_str(), "\":1"]);
    }
    payload += "}}";
    assert!(metrics > 640_000 && payload.len() < MAX_PAYLOAD_BYTES, "{metrics}, {}", payload.len());
    payload
}

/// The receiver is down until the deadline.
#[tokio::test]
async fn the_largest_event_leaves_spare_memory_when_not_delivered() {
    let (_receiver, url) = receiver(503).await;
    let mut stage = Setup::new().timeout_s(10).url(&url).start().await;
    let invocation = stage.invoke(largest_event("")).await;
    assert_eq!(error_kind(&invocation), "WriteFailed");
    has_spare_memory(&invocation);
}

#[tokio::test]
async fn the_largest_event_of_escaped_names_stays_within_memory() {
    for escaping in ["underscores", "values"] {
        let (_receiver, url) = receiver(503).await;
        let mut stage = Setup::new().timeout_s(10).url(&url).env("NAME_ESCAPING", escaping).start().await;
        let invocation = stage.invoke(largest_event(".")).await;
        assert_eq!(error_kind(&invocation), "WriteFailed");
        let rss_kb = invocation.max_rss_kb;
        assert!(rss_kb < Some(SMALLEST_FUNCTION_KB), "{escaping}: {rss_kb:?} kB");
    }
}

/// Tens of thousands of messages on one bad batch, and a receiver that only fails: still one answer.
#[tokio::test]
async fn a_large_batch_is_given_back_in_little_memory() {
    let mut stage = Setup::new().timeout_s(3).start().await;
    stage.fail(Fault::always(
        Matcher::Any,
        Action::SlowTrickle { code: 500, interval: Duration::from_millis(10) },
    ));
    let bodies: Vec<_> = (0..5_500).map(|at| event(&format!("d{at}"), NOW_MS + at, at)).collect();
    let messages = crate::support::messages(&bodies);
    let payload = local_lambda::sqs::sqs_event(QUEUE, &messages);
    let invocation = survives(&mut stage, payload).await;
    assert_eq!(invocation.batch_item_failures().map(|ids| ids.len()), Some(5_500));
}
