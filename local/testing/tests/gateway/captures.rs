//! Requests of remote write and OTLP that real clients sent, replayed at a function URL: each point arrives once, with its
//! value, labels and type.
//!
//! What has to arrive of a write request is what the generated messages read; of a request of OTLP, what Prometheus 3 has
//! after the same request (`captures/otlp-in-prometheus-3.json`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use local_amp::LabelSet;
use local_amp::proto::histogram::Count;
use local_amp::proto::metric_metadata::MetricType;
use local_amp::proto::{Histogram, MetricMetadata, Sample, TimeSeries, WriteRequest, v2};
use prost::Message as _;
use serde_json::Value;

use crate::function_url::{Answer, FunctionUrl};
use crate::support::Setup;

const OTLP_FILES: [&str; 6] =
    ["otlp-collector", "otlp-go", "otlp-java", "otlp-node", "otlp-python", "otlp-python-json"];

/// What a receiver has.
#[derive(Debug, Default, PartialEq)]
struct Stored {
    /// The bits of the floats, because a stale marker is a NaN.
    floats: BTreeMap<LabelSet, BTreeMap<i64, u64>>,
    histograms: BTreeMap<LabelSet, BTreeMap<i64, Histogram>>,
}

impl Stored {
    fn add(&mut self, mut labels: LabelSet, samples: &[Sample], histograms: &[Histogram]) {
        labels.retain(|_, value| !value.is_empty());
        let floats = samples.iter().map(|sample| (sample.timestamp, sample.value.to_bits()));
        if !samples.is_empty() {
            self.floats.entry(labels.clone()).or_default().extend(floats);
        }
        let histograms = histograms.iter().map(|histogram| (histogram.timestamp, histogram.clone()));
        if histograms.len() > 0 {
            self.histograms.entry(labels).or_default().extend(histograms);
        }
    }

    /// What is in the receiver of a stage.
    fn of(stage: &FunctionUrl) -> Self {
        let bits = |samples: BTreeMap<i64, f64>| samples.into_iter().map(|(at, value)| (at, value.to_bits()));
        let floats = stage.amp.series().into_iter();
        Self {
            floats: floats.map(|(labels, samples)| (labels, bits(samples).collect())).collect(),
            histograms: stage.amp.histograms(),
        }
    }
}

/// Type, help and unit by metric family.
type Families = BTreeMap<String, (i32, String, String)>;

fn families<'m>(metadata: impl IntoIterator<Item = &'m MetricMetadata>) -> Families {
    let one = |one: &MetricMetadata| {
        (one.metric_family_name.clone(), (one.r#type, one.help.clone(), one.unit.clone()))
    };
    metadata.into_iter().map(one).collect()
}

/// The metadata that arrived, and the number of samples.
fn arrived(stage: &FunctionUrl) -> (Families, usize) {
    let requests: Vec<_> = stage.amp.requests().into_iter().filter_map(|request| request.request).collect();
    let values = |one: &TimeSeries| one.samples.len() + one.histograms.len();
    let samples = requests.iter().flat_map(|request| &request.timeseries).map(values).sum();
    (families(requests.iter().flat_map(|request| &request.metadata)), samples)
}

async fn start() -> FunctionUrl {
    let setup = Setup::new().amp(|amp| amp.credentials = None);
    FunctionUrl::start(setup).await
}

/// A recorded request.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// The client, and its case if it has several.
    client: String,
    is_otlp: bool,
    pub(crate) headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// The recorded write requests in snappy.
pub(crate) fn recorded_write_requests() -> Vec<Recorded> {
    recorded_remote_write().into_iter().filter(|recorded| !recorded.is_zstd()).collect()
}

fn recorded_remote_write() -> Vec<Recorded> {
    let captures = json("../../lambda/push-gateway/tests/requests/captures/remote-write.json");
    let one = |one: &Value| Recorded {
        client: text(&one["client"]),
        is_otlp: false,
        headers: one["headers"]
            .as_object()
            .expect("headers")
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
        body: STANDARD.decode(text(&one["body"])).expect("base64"),
    };
    captures.as_array().expect("requests").iter().map(one).collect()
}

/// The recorded requests of OTLP.
pub(crate) fn recorded_otlp() -> Vec<Recorded> {
    let mut all = Vec::new();
    for file in OTLP_FILES {
        let capture = json(&format!("../../lambda/formats/tests/otlp/captures/{file}.json"));
        for request in capture["requests"].as_array().expect("requests") {
            let headers = request["headers"].as_array().expect("headers").iter();
            all.push(Recorded {
                client: format!("{file} {}", text(&request["case"])),
                is_otlp: true,
                headers: headers.map(|header| (text(&header[0]), text(&header[1]))).collect(),
                body: STANDARD.decode(text(&request["body_base64"])).expect("base64"),
            });
        }
    }
    all
}

impl Recorded {
    fn is_zstd(&self) -> bool {
        self.has("content-encoding", "zstd")
    }

    /// The body without its encoding.
    pub(crate) fn message(&self) -> Vec<u8> {
        if !self.is_otlp {
            return snap::raw::Decoder::new().decompress_vec(&self.body).expect("snappy");
        }
        if !self.has("content-encoding", "gzip") {
            return self.body.clone();
        }
        let mut message = Vec::new();
        GzDecoder::new(&*self.body).read_to_end(&mut message).expect("gzip");
        message
    }

    /// Its headers, without those of the recorded connection.
    fn headers(&self) -> Vec<(&str, &str)> {
        let of_the_connection = ["host", "connection", "content-length", "transfer-encoding", "expect"];
        let headers = self.headers.iter().map(|(name, value)| (&**name, &**value));
        headers.filter(|(name, _)| !of_the_connection.contains(&&*name.to_lowercase())).collect()
    }

    fn has(&self, header: &str, part: &str) -> bool {
        self.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case(header) && value.contains(part))
    }

    /// Its series, and metadata of 1.0; that of 2.0 is of series, not of families.
    fn expected(&self) -> (Stored, Option<Families>) {
        let message = self.message();
        let mut stored = Stored::default();
        if !self.has("content-type", "v2.Request") {
            let request = WriteRequest::decode(&*message).expect("a write request");
            for one in &request.timeseries {
                let labels = one.labels.iter().map(|label| (label.name.clone(), label.value.clone()));
                stored.add(labels.collect(), &one.samples, &one.histograms);
            }
            return (stored, Some(families(&request.metadata)));
        }
        let request = v2::Request::decode(&*message).expect("a write request");
        for one in &request.timeseries {
            let text = |at: u32| request.symbols[at as usize].clone();
            let labels = one.labels_refs.chunks(2).map(|pair| (text(pair[0]), text(pair[1])));
            // 1.0, which is written, has no field for start timestamps.
            let samples: Vec<_> =
                one.samples.iter().map(|one| Sample { value: one.value, timestamp: one.timestamp }).collect();
            let histogram = |one: &v2::Histogram| {
                let one = v2::Histogram { start_timestamp: 0, ..one.clone() };
                Histogram::decode(&*one.encode_to_vec()).expect("a histogram")
            };
            let histograms: Vec<_> = one.histograms.iter().map(histogram).collect();
            stored.add(labels.collect(), &samples, &histograms);
        }
        (stored, None)
    }
}

/// The numbers of samples and histograms in the headers of an answer.
fn written(answer: &Answer) -> Option<usize> {
    let number = |kind: &str| {
        let value = answer.headers.get(format!("x-prometheus-remote-write-{kind}-written"))?;
        value.to_str().ok()?.parse::<usize>().ok()
    };
    Some(number("samples")? + number("histograms")?)
}

#[tokio::test]
async fn recorded_write_requests_arrive_once_as_they_are() {
    let mut clients = BTreeSet::new();
    for recorded in recorded_remote_write() {
        let stage = start().await;
        let client = &recorded.client;
        let answer = stage.send("POST", "/api/v1/write", &recorded.headers(), recorded.body.clone()).await;
        if recorded.is_zstd() {
            // vmagent goes on with snappy.
            assert_eq!((answer.status, stage.amp.sample_count()), (415, 0), "{client}: {answer:?}");
            continue;
        }
        assert_eq!((answer.status, &*answer.body), (204, ""), "{client}: {answer:?}");
        let (expected, sent_families) = recorded.expected();
        assert_eq!(Stored::of(&stage), expected, "{client}");
        let (families, samples) = arrived(&stage);
        assert_eq!(samples, stage.amp.sample_count(), "{client}: a sample arrived twice");
        if let Some(sent) = sent_families {
            assert_eq!((families, written(&answer)), (sent, None), "{client}");
        } else {
            assert_eq!(written(&answer), Some(samples), "{client}");
        }
        clients.insert(client.clone());
    }
    assert!(clients.len() >= 8, "{clients:?}");
}

/// Value and type of each series, without the native histograms' resolution: `count sum (bound count)…`.
type Values = BTreeMap<LabelSet, (String, String)>;

/// What Prometheus 3 has of a request, and the timestamps but for those of `target_info`.
fn in_prometheus(fixture: &Value, of_request: &Value) -> (Values, BTreeSet<i64>) {
    let series = &fixture["series"][of_request["series"].as_u64().map(usize::try_from).unwrap().unwrap()];
    let one = |one: &Value| {
        let labels = one["labels"].as_object().expect("labels").iter();
        let labels: LabelSet = labels.map(|(name, value)| (name.clone(), text(value))).collect();
        let value = if let Some(value) = one["value"].as_str() {
            value.parse::<f64>().expect("a number").to_string()
        } else {
            let buckets = one["value"]["buckets"].as_array().expect("buckets").iter();
            let buckets = buckets.map(|one| (number(&one[2]), number(&one[3])));
            histogram(number(&one["value"]["count"]), number(&one["value"]["sum"]), buckets)
        };
        // It gives no type to `target_info`, which is a gauge by the specification.
        let kind = if labels["__name__"] == "target_info" { "gauge".to_owned() } else { text(&one["type"]) };
        (labels, (value, format!("{kind} {}", text(&one["unit"]))))
    };
    let times = of_request["times_ms"].as_array().expect("timestamps").iter();
    (
        series.as_array().expect("series").iter().map(one).collect(),
        times.map(|time| time.as_i64().expect("a timestamp")).collect(),
    )
}

fn number(value: &Value) -> f64 {
    text(value).parse().expect("a number")
}

/// A native histogram by its count, sum, and the upper bound and count of each bucket.
fn histogram(count: f64, sum: f64, buckets: impl Iterator<Item = (f64, f64)>) -> String {
    let buckets = buckets.filter(|(_, count)| *count != 0.0);
    let buckets: Vec<_> = buckets.map(|(bound, count)| format!("({bound:.9} {count})")).collect();
    format!("{count} {sum} {}", buckets.join(" "))
}

/// The histogram by the document on native histograms: bucket `i` ends at `2^(i * 2^-schema)`.
fn of_proto(one: &Histogram) -> String {
    let (Some(Count::CountInt(count)), []) = (one.count, &*one.negative_spans) else { panic!("{one:?}") };
    let (mut index, mut total, mut buckets) = (0, 0, Vec::new());
    let mut deltas = one.positive_deltas.iter();
    for span in &one.positive_spans {
        index += span.offset;
        for delta in deltas.by_ref().take(span.length as usize) {
            total += delta;
            let bound = (f64::from(index) * f64::from(-one.schema).exp2()).exp2();
            buckets.push((bound, f64::from(i32::try_from(total).expect("few"))));
            index += 1;
        }
    }
    histogram(f64::from(u32::try_from(count).expect("few")), one.sum, buckets.into_iter())
}

/// What the stand-in has in the same form.
fn in_the_stand_in(stage: &FunctionUrl) -> (Values, BTreeSet<i64>) {
    let (families, _) = arrived(stage);
    let (mut values, mut times) = (Values::new(), BTreeSet::new());
    let mut add = |labels: LabelSet, at: i64, value: String| {
        let name = &labels["__name__"];
        if name != "target_info" {
            times.insert(at);
        }
        let suffixes = ["_bucket", "_sum", "_count"].iter().filter_map(|suffix| name.strip_suffix(suffix));
        let family = [&**name].into_iter().chain(suffixes).find_map(|name| families.get(name));
        let (kind, _, unit) = family.unwrap_or_else(|| panic!("{name}: {families:?}"));
        let kind = MetricType::try_from(*kind).expect("a type").as_str_name().to_lowercase();
        values.insert(labels, (value, format!("{kind} {unit}")));
    };
    for (labels, samples) in stage.amp.series() {
        assert!(samples.len() == 1 || labels["__name__"] == "target_info", "{labels:?}");
        for (at, value) in samples {
            add(labels.clone(), at, value.to_string());
        }
    }
    for (labels, samples) in stage.amp.histograms() {
        assert_eq!(samples.len(), 1, "{labels:?}");
        for (at, value) in samples {
            add(labels.clone(), at, of_proto(&value));
        }
    }
    (values, times)
}

#[tokio::test]
async fn recorded_otlp_has_the_series_of_prometheus_3() {
    let fixture = json("tests/captures/otlp-in-prometheus-3.json");
    let of_requests =
        OTLP_FILES.iter().flat_map(|file| fixture["requests"][file].as_array().expect("requests"));
    let recorded = recorded_otlp();
    let (mut compared, mut refused) = (0, 0);
    for (recorded, of_request) in recorded.iter().zip(of_requests) {
        let stage = start().await;
        let client = &recorded.client;
        let answer = stage.send("POST", "/v1/metrics", &recorded.headers(), recorded.body.clone()).await;
        if recorded.has("content-type", "json") && recorded.has("content-encoding", "gzip") {
            // A function URL takes it for text.
            assert_eq!((answer.status, stage.amp.sample_count()), (415, 0), "{client}: {answer:?}");
            continue;
        }
        let (_, samples) = arrived(&stage);
        assert_eq!(samples, stage.amp.sample_count(), "{client}: a sample arrived twice");
        if of_request.is_null() {
            assert!(client.contains("delta"), "{client}");
            let is_refused = answer.body.contains("TEMPORALITY_PREFERENCE=cumulative");
            // Some points are cumulative all the same, and some requests have none.
            let status = if is_refused && samples == 0 { 400 } else { 200 };
            assert_eq!(answer.status, status, "{client}: {answer:?}");
            assert!(is_refused || client.contains("again"), "{client}: {answer:?}");
            refused += usize::from(is_refused);
            continue;
        }
        assert_eq!(answer.status, 200, "{client}: {answer:?}");
        assert!(matches!(&*answer.body, "" | "{}"), "{client}: {answer:?}");
        assert_eq!(in_the_stand_in(&stage), in_prometheus(&fixture, of_request), "{client}");
        compared += 1;
    }
    assert_eq!((recorded.len(), compared, refused), (37, 27, 5));
}

fn json(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let file = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&file).expect("JSON")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
