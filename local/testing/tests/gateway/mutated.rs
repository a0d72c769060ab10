//! A hundred thousand mutated payloads: the function survives all of them, within its memory, and sends only valid
//! requests.

use local_amp::{Action, Fault, Matcher};
use local_lambda::http::{Kind, Request};
use local_lambda::sqs::{QueueMessage, sqs_event};

use crate::captures::{Recorded, recorded_otlp, recorded_write_requests};
use crate::spec::assert_content_is_valid;
use crate::support::{NOW_MS, QUEUE, SMALLEST_FUNCTION_KB, Setup, Stage, event, given_back, messages};

/// The limit of a mutated event.
const MAX_BYTES: usize = 4_000;

/// Valid bodies and payloads, and a few that are nearly so.
fn corpus() -> Vec<Vec<u8>> {
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, event("b64", NOW_MS, 1));
    let texts = [
        event("d", NOW_MS, 14.3),
        event("d", NOW_MS, "\"6.7\""),
        event("d", NOW_MS, "\"NaN\""),
        event("d", NOW_MS, "-1.5e-3"),
        format!("[{},{}]", event("a", NOW_MS, 1), event("b", NOW_MS + 1, 2)),
        r#"{"dimensions":{},"timestamp":1.676398017e12,"metrics":{"a":1,"b":"+Inf","c":9007199254740993}}"#.to_owned(),
        r#"{"metrics":{"cpu.load":1,"cpu-load2":2},"x":[{"y":[1,2,{}]}],"timestamp":1,"dimensions":{"né":"\u00e9\ud83d\ude00"}}"#
            .to_owned(),
        base64,
    ];
    texts.into_iter().map(String::into_bytes).collect()
}

/// Snippets that mean something to a parser.
const TOKENS: [&[u8]; 24] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b",",
    b":",
    b"null",
    b"true",
    b"1e999",
    b"-0",
    b"\\ud800",
    b"\\u0000",
    b"\xff",
    b"\xed\xa0\x80",
    b"\"Records\":[",
    b"\"metrics\":{",
    b"\"dimensions\":{\"__name__\":\"x\"}",
    b"1e-999999999999",
    b"9223372036854775808",
    b"\"\":",
    b"\xf0\x9f\x98\x80",
    b"0x",
];

/// Changes a payload in one or two places: bits, cuts, repetitions, splices, tokens. It has at most `max` bytes.
fn mutate(random: &mut fastrand::Rng, corpus: &[Vec<u8>], max: usize) -> Vec<u8> {
    let mut bytes = corpus[random.usize(..corpus.len())].clone();
    for _ in 0..=random.usize(..2) {
        let at = random.usize(..=bytes.len());
        let to = random.usize(at..=bytes.len());
        match random.usize(..10) {
            0..=2 if at < bytes.len() => bytes[at] ^= 1 << random.usize(..8),
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..to)),
            5 => {
                // Repeats a key or a value.
                let copy = bytes[at..to].to_vec();
                bytes.splice(to..to, copy);
            }
            6 => {
                let other = &corpus[random.usize(..corpus.len())];
                let from = random.usize(..other.len());
                bytes.splice(at..to, other[from..].iter().copied());
            }
            _ => drop(bytes.splice(at..at, TOKENS[random.usize(..TOKENS.len())].iter().copied())),
        }
        bytes.truncate(max);
    }
    bytes
}

/// Accepts everything, so that one random sample does not decide on another.
async fn stage_that_takes_everything() -> Stage {
    let stage = Setup::new().env("HTTP_AUTH", "none").start().await;
    stage.fail(Fault::always(Matcher::Any, Action::status(204, "")));
    stage
}

fn assert_only_valid_requests_arrived(stage: &Stage) {
    for request in stage.amp.requests() {
        assert_eq!(request.violation, None);
        assert_content_is_valid(request.request.as_ref().expect("a request that can be decoded"));
    }
}

#[tokio::test]
async fn ninety_six_thousand_mutated_bodies_harm_only_themselves() {
    let mut stage = stage_that_takes_everything().await;
    let corpus = corpus();
    let mut random = fastrand::Rng::with_seed(2_023);
    let (mut delivered, mut refused) = (0, 0);
    for batch in 0..80_u64 {
        let mut bodies: Vec<_> = (0..1_200)
            .map(|_| String::from_utf8_lossy(&mutate(&mut random, &corpus, MAX_BYTES)).into_owned())
            .collect();
        bodies.push(event("untouched", NOW_MS, batch));
        let messages = messages(&bodies);
        let invocation = stage.invoke(sqs_event(QUEUE, &messages)).await;
        let returned = given_back(&invocation, &messages);
        assert!(!returned.contains(&1_200), "batch {batch}: the untouched message is given back");
        assert!(invocation.max_rss_kb < Some(SMALLEST_FUNCTION_KB), "{:?} kB", invocation.max_rss_kb);
        refused += returned.len();
        delivered += bodies.len() - returned.len();
    }
    assert!(delivered > 5_000 && refused > 20_000, "{delivered} delivered, {refused} refused");
    assert_only_valid_requests_arrived(&stage);
}

#[tokio::test]
async fn four_thousand_mutated_payloads_are_answered() {
    let mut stage = stage_that_takes_everything().await;
    let mut corpus = corpus();
    let batch: Vec<_> =
        (0..3).map(|number| QueueMessage::new(number, event("q", NOW_MS, number), NOW_MS)).collect();
    for _ in 0..4 {
        corpus.push(sqs_event(QUEUE, &batch).to_vec());
    }
    let mut random = fastrand::Rng::with_seed(2_024);
    let mut kinds = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..4_000 {
        let invocation = stage.invoke(mutate(&mut random, &corpus, MAX_BYTES)).await;
        let kind = invocation.function_error().map_or("answered", |(kind, _)| kind).to_owned();
        *kinds.entry(kind).or_default() += 1;
    }
    let expected = ["InvalidEvent", "UnknownPayload", "answered"];
    assert_eq!(kinds.keys().map(String::as_str).collect::<Vec<_>>(), expected, "{kinds:?}");
    assert!(kinds.values().all(|&count| count > 50), "{kinds:?}");
    assert_only_valid_requests_arrived(&stage);
    assert_eq!(stage.summary(event("after", NOW_MS, 1)).await, [1, 1, 1, 1]);
}

/// A request whose message is mutated, before it is compressed.
fn mutated_capture(random: &mut fastrand::Rng, write_requests: &[Recorded], otlp: &[Recorded]) -> Request {
    const MAX_MESSAGE: usize = 200_000;
    let is_otlp = random.bool();
    let recorded = random.choice(if is_otlp { otlp } else { write_requests }).expect("a request");
    let message = mutate(random, &[recorded.message()], MAX_MESSAGE);
    let (path, body) = if is_otlp {
        ("/v1/metrics", message)
    } else {
        ("/api/v1/write", snap::raw::Encoder::new().compress_vec(&message).expect("a short message"))
    };
    let request = Request::new("POST", path, NOW_MS).body(body);
    let headers = recorded.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    headers.fold(request, |request, (name, value)| request.header(name.as_str(), value.as_str()))
}

#[tokio::test]
async fn two_thousand_mutated_captures_are_answered() {
    let mut stage = stage_that_takes_everything().await;
    let (write_requests, otlp) = (recorded_write_requests(), recorded_otlp());
    let mut random = fastrand::Rng::with_seed(2_026);
    let mut statuses = std::collections::BTreeMap::<u64, usize>::new();
    for _ in 0..2_000 {
        let request = mutated_capture(&mut random, &write_requests, &otlp);
        let invocation = stage.invoke(Kind::FunctionUrl.event(&request).to_string()).await;
        let answer = invocation.json().unwrap_or_else(|| panic!("{:?}", invocation.outcome));
        *statuses.entry(answer["statusCode"].as_u64().expect("a status")).or_default() += 1;
        assert!(invocation.max_rss_kb < Some(SMALLEST_FUNCTION_KB / 2), "{:?} kB", invocation.max_rss_kb);
    }
    println!("{statuses:?}");
    assert!(statuses.keys().all(|status| [200, 204, 400, 413].contains(status)), "{statuses:?}");
    assert!([200, 204, 400].iter().all(|status| statuses.get(status) > Some(&50)), "{statuses:?}");
    assert_only_valid_requests_arrived(&stage);
}
