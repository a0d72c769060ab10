//! Remote write and OTLP while the receiver fails and functions are killed. The senders do as real ones: they send the same
//! bytes again until the answer is final. Then every valid sample is written, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use local_amp::StoredSamples;
use local_amp::proto::otlp::{
    AnyValue, ExportMetricsServiceRequest, Gauge, KeyValue, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, any_value, metric, number_data_point,
};
use local_amp::proto::{Label, Sample, TimeSeries, WriteRequest, v2};
use local_testing::clock::Clock;
use prost::Message as _;
use serde_json::json;
use tokio::task::JoinSet;

use crate::function_url::FunctionUrl;
use crate::pushes_under_faults::{FUNCTION_TIMEOUT_S, OUT_OF_ORDER_WINDOW_S, fail, kill_functions};
use crate::support::Setup;

/// One for each series, three of each protocol.
const SENDERS: usize = 12;

/// Senders wait for the seconds of `Retry-After`, which are shorter here.
const SPEED: u32 = 25;

const TOO_OLD_MS: i64 = 2 * 3_600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    RemoteWrite1,
    RemoteWrite2,
    Otlp,
    OtlpJson,
}

/// What a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Two series.
    Good,
    /// These, and a sample that the receiver rejects.
    Partly,
    /// Such a sample.
    TooOld,
    /// Not a message.
    Invalid,
}

/// A request and its final answer.
#[derive(Debug)]
struct Sent {
    sender: usize,
    number: u32,
    content: Content,
    at_ms: i64,
    attempts: u32,
    status: u16,
    body: String,
}

impl Protocol {
    fn of(sender: usize) -> Self {
        [Self::RemoteWrite1, Self::RemoteWrite2, Self::Otlp, Self::OtlpJson][sender % 4]
    }

    fn is_otlp(self) -> bool {
        matches!(self, Self::Otlp | Self::OtlpJson)
    }

    fn path(self) -> &'static str {
        if self.is_otlp() { "/v1/metrics" } else { "/api/v1/write" }
    }

    fn headers(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::RemoteWrite1 => {
                vec![("content-type", "application/x-protobuf"), ("content-encoding", "snappy")]
            }
            Self::RemoteWrite2 => vec![
                ("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
                ("content-encoding", "snappy"),
            ],
            Self::Otlp => vec![("content-type", "application/x-protobuf")],
            Self::OtlpJson => vec![("content-type", "application/json")],
        }
    }

    fn body(self, sender: usize, samples: &[(&str, Sample)]) -> Bytes {
        let sender = format!("i{sender}");
        let snappy =
            |message: Vec<u8>| snap::raw::Encoder::new().compress_vec(&message).expect("a short message");
        match self {
            Self::RemoteWrite1 => snappy(remote_write(&sender, samples).encode_to_vec()).into(),
            Self::RemoteWrite2 => snappy(remote_write_2(&sender, samples).encode_to_vec()).into(),
            Self::Otlp => otlp(&sender, samples).encode_to_vec().into(),
            Self::OtlpJson => {
                let metric = |(name, sample): &(&str, Sample)| {
                    json!({"name": name, "gauge": {"dataPoints": [{
                        "attributes": [{"key": "sender", "value": {"stringValue": sender}}],
                        "timeUnixNano": (sample.timestamp.unsigned_abs() * 1_000_000).to_string(),
                        "asDouble": sample.value,
                    }]}})
                };
                let metrics: Vec<_> = samples.iter().map(metric).collect();
                json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).to_string().into()
            }
        }
    }

    /// The final status of the answer.
    fn status(self, content: Content) -> u16 {
        match content {
            // In part with the number of rejected data points.
            Content::Good | Content::Partly if self.is_otlp() => 200,
            Content::Good => 204,
            Content::Partly | Content::TooOld | Content::Invalid => 400,
        }
    }
}

fn remote_write(sender: &str, samples: &[(&str, Sample)]) -> WriteRequest {
    let label = |name: &str, value: &str| Label { name: name.to_owned(), value: value.to_owned() };
    let series = |(name, sample): &(&str, Sample)| TimeSeries {
        labels: vec![label("__name__", name), label("sender", sender)],
        samples: vec![*sample],
        histograms: vec![],
    };
    WriteRequest { timeseries: samples.iter().map(series).collect(), metadata: vec![] }
}

fn remote_write_2(sender: &str, samples: &[(&str, Sample)]) -> v2::Request {
    let mut symbols: Vec<String> = ["", "__name__", "sender", sender].map(str::to_owned).to_vec();
    let series = |(name, sample): &(&str, Sample)| {
        let name_ref = u32::try_from(symbols.len()).expect("few symbols");
        symbols.push((*name).to_owned());
        let sample = v2::Sample { value: sample.value, timestamp: sample.timestamp, start_timestamp: 0 };
        v2::TimeSeries {
            labels_refs: vec![1, name_ref, 2, 3],
            samples: vec![sample],
            ..v2::TimeSeries::default()
        }
    };
    let timeseries = samples.iter().map(series).collect();
    v2::Request { symbols, timeseries }
}

fn otlp(sender: &str, samples: &[(&str, Sample)]) -> ExportMetricsServiceRequest {
    let value = AnyValue { value: Some(any_value::Value::StringValue(sender.to_owned())) };
    let attribute = KeyValue { key: "sender".to_owned(), value: Some(value) };
    let metric = |(name, sample): &(&str, Sample)| {
        let point = NumberDataPoint {
            attributes: vec![attribute.clone()],
            time_unix_nano: sample.timestamp.unsigned_abs() * 1_000_000,
            value: Some(number_data_point::Value::AsDouble(sample.value)),
            ..NumberDataPoint::default()
        };
        Metric {
            name: (*name).to_owned(),
            data: Some(metric::Data::Gauge(Gauge { data_points: vec![point] })),
            ..Metric::default()
        }
    };
    let metrics = samples.iter().map(metric).collect();
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }
}

fn body(protocol: Protocol, sender: usize, number: u32, at_ms: i64, content: Content) -> Bytes {
    let sample = |value: u32, timestamp| Sample { value: value.into(), timestamp };
    let good = [("sent", sample(number, at_ms)), ("doubled", sample(number * 2, at_ms))];
    let too_old = ("too_old", sample(number, at_ms - TOO_OLD_MS));
    match content {
        Content::Good => protocol.body(sender, &good),
        Content::Partly => protocol.body(sender, &[good[0], too_old, good[1]]),
        Content::TooOld => protocol.body(sender, &[too_old]),
        Content::Invalid => Bytes::from_static(b"\xff\xff\xff"),
    }
}

/// Sends one request after the other, each until its answer is final, and the last one when the faults are over.
async fn send(
    stage: Arc<FunctionUrl>,
    sender: usize,
    mut random: Rng,
    is_over: Arc<AtomicBool>,
) -> Vec<Sent> {
    let (clock, protocol) = (Clock::system(), Protocol::of(sender));
    let mut all = Vec::new();
    for number in 1.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let content = match random.u8(..10) {
            0 => Content::TooOld,
            1 => Content::Invalid,
            2 | 3 => Content::Partly,
            _ => Content::Good,
        };
        let at_ms = clock.now_ms();
        let body = body(protocol, sender, number, at_ms, content);
        let mut attempts = 1;
        let answer = loop {
            let answer = stage.send("POST", protocol.path(), &protocol.headers(), body.clone()).await;
            match answer.status {
                // Its function was killed.
                502 => tokio::time::sleep(Duration::from_millis(random.u64(5..30))).await,
                503 => {
                    let seconds = answer.retry_after.as_ref().and_then(|seconds| seconds.parse().ok());
                    let wait = Duration::from_secs(seconds.expect("Retry-After")) / SPEED;
                    tokio::time::sleep(wait).await;
                }
                _ => break answer,
            }
            attempts += 1;
        };
        all.push(Sent { sender, number, content, at_ms, attempts, status: answer.status, body: answer.body });
        tokio::time::sleep(Duration::from_millis(random.u64(..20))).await;
    }
    all
}

/// The samples of a sender's series.
fn stored(stage: &FunctionUrl, metric: &str, sender: usize) -> StoredSamples {
    let sender = format!("i{sender}");
    stage.amp.samples_of(&[("__name__", metric), ("sender", &sender)])
}

/// The order in which samples of a series arrived that were accepted, each once.
fn arrivals(stage: &FunctionUrl, sender: usize) -> Vec<i64> {
    let sender = format!("i{sender}");
    let (mut order, mut seen) = (Vec::new(), BTreeSet::new());
    for request in stage.amp.requests().iter().filter(|request| request.is_delivered()) {
        for series in request.request.iter().flat_map(|request| &request.timeseries) {
            let has = |name: &str, value: &str| {
                series.labels.iter().any(|label| label.name == name && label.value == value)
            };
            if has("__name__", "sent") && has("sender", &sender) {
                let times = series.samples.iter().map(|sample| sample.timestamp);
                order.extend(times.filter(|time| seen.insert(*time)));
            }
        }
    }
    order
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_that_repeat_requests_lose_nothing() {
    let setup = Setup::new()
        .timeout_s(FUNCTION_TIMEOUT_S)
        .amp(|amp| {
            amp.out_of_order_window = Duration::from_secs(OUT_OF_ORDER_WINDOW_S);
            amp.max_sample_age = Some(Duration::from_hours(1));
        })
        .env("OUT_OF_ORDER_WINDOW", &OUT_OF_ORDER_WINDOW_S.to_string());
    let stage = Arc::new(FunctionUrl::start(setup).await);
    let mut random = Rng::with_seed(21);
    let is_over = Arc::new(AtomicBool::new(false));
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        senders.spawn(send(Arc::clone(&stage), sender, random.fork(), Arc::clone(&is_over)));
    }
    let killing = kill_functions(stage.function.clone(), random.fork(), Arc::clone(&is_over));
    let killing = tokio::spawn(killing);
    fail(&stage, &mut random).await;
    is_over.store(true, Ordering::Relaxed);
    let killed = killing.await.expect("it ends");
    let sent: Vec<_> = senders.join_all().await.into_iter().flatten().collect();

    let mut counts = BTreeMap::<u16, usize>::new();
    for one in &sent {
        *counts.entry(one.status).or_default() += 1;
        let protocol = Protocol::of(one.sender);
        assert_eq!(one.status, protocol.status(one.content), "{protocol:?} {one:?}");
        let is_silent = matches!(&*one.body, "" | "{}");
        assert_eq!(is_silent, one.content == Content::Good, "{protocol:?} {one:?}");
    }
    for sender in 0..SENDERS {
        let is_good =
            |one: &&Sent| one.sender == sender && matches!(one.content, Content::Good | Content::Partly);
        let expected: StoredSamples =
            sent.iter().filter(is_good).map(|one| (one.at_ms, f64::from(one.number))).collect();
        let doubled = expected.iter().map(|(at, value)| (*at, value * 2.0)).collect();
        assert_eq!(stored(&stage, "sent", sender), expected, "{sender}");
        assert_eq!(stored(&stage, "doubled", sender), doubled, "{sender}");
        let arrivals = arrivals(&stage, sender);
        assert!(arrivals.is_sorted(), "{sender}: {arrivals:?}");
    }
    assert_eq!(stage.amp.counts().series, 2 * SENDERS, "nothing else is written");
    let repeated = sent.iter().filter(|one| one.attempts > 1).count();
    println!("{} requests, {repeated} repeated, answered {counts:?}; {killed} functions killed", sent.len());
    assert!(sent.len() > 100 && repeated > 20 && killed >= 5, "{}, {repeated}, {killed}", sent.len());
}
