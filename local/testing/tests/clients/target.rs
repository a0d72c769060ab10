//! A program with metrics, which agents scrape.

use local_amp::proto::client::{
    Bucket, BucketSpan, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use local_testing::scripted::{Answer, Request, ScriptedServer};
use prost::Message;

/// The values that its native histogram has observed: one in a bucket whose index is the span's offset, and one in the next.
pub(crate) const SIZES: [f64; 2] = [0.75, 1.5];

const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

const TEXT: &str = r#"# HELP scrapes_total Scrapes.
# TYPE scrapes_total counter
scrapes_total SCRAPES
# TYPE temperature gauge
temperature{city="Zürich"} 42.5
# HELP duration_seconds Took.
# TYPE duration_seconds histogram
duration_seconds_bucket{le="0.1"} 1
duration_seconds_bucket{le="+Inf"} 2
duration_seconds_sum 5.05
duration_seconds_count 2
"#;

/// Starts it. Its counter is the number of scrapes; in protobuf it has a native histogram too.
pub(crate) async fn start() -> ScriptedServer {
    ScriptedServer::by(|request, number| {
        let scrapes = u32::try_from(number + 1).expect("few scrapes");
        if takes_protobuf(request) {
            let body: Vec<u8> =
                families(scrapes).iter().flat_map(Message::encode_length_delimited_to_vec).collect();
            return Answer::new(200, body).header("content-type", PROTOBUF);
        }
        let body = TEXT.replace("SCRAPES", &scrapes.to_string());
        Answer::new(200, body).header("content-type", "text/plain; version=0.0.4")
    })
    .await
}

fn takes_protobuf(request: &Request) -> bool {
    request.header("accept").starts_with("application/vnd.google.protobuf")
}

fn families(scrapes: u32) -> [MetricFamily; 4] {
    let family = |name: &str, help: &str, of_type, metric| MetricFamily {
        name: Some(name.to_owned()),
        help: Some(help.to_owned()),
        r#type: Some(MetricType::into(of_type)),
        metric: vec![metric],
        unit: None,
    };
    let counter = Counter { value: Some(scrapes.into()), ..Counter::default() };
    let city = LabelPair { name: Some("city".to_owned()), value: Some("Zürich".to_owned()) };
    let bucket = |upper_bound, count| Bucket {
        upper_bound: Some(upper_bound),
        cumulative_count: Some(count),
        ..Bucket::default()
    };
    let classic = Histogram {
        sample_count: Some(2),
        sample_sum: Some(5.05),
        bucket: vec![bucket(0.1, 1), bucket(f64::INFINITY, 2)],
        ..Histogram::default()
    };
    // With schema 0, the bucket 0 is above a half and the bucket 1 above 1.
    let native = Histogram {
        sample_count: Some(2),
        sample_sum: Some(SIZES.iter().sum()),
        schema: Some(0),
        zero_threshold: Some(1e-128),
        zero_count: Some(0),
        positive_span: vec![BucketSpan { offset: Some(0), length: Some(2) }],
        positive_delta: vec![1, 0],
        ..Histogram::default()
    };
    let histogram = |histogram| Metric { histogram: Some(histogram), ..Metric::default() };
    [
        family(
            "scrapes_total",
            "Scrapes.",
            MetricType::Counter,
            Metric { counter: Some(counter), ..Metric::default() },
        ),
        family(
            "temperature",
            "",
            MetricType::Gauge,
            Metric { label: vec![city], gauge: Some(Gauge { value: Some(42.5) }), ..Metric::default() },
        ),
        family("duration_seconds", "Took.", MetricType::Histogram, histogram(classic)),
        family("size", "", MetricType::Histogram, histogram(native)),
    ]
}
