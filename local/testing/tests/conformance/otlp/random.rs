//! Random requests of OTLP: all types, values of every kind, hostile names.
//!
//! Each data point has an attribute [`KEY`] with the number of its metric, and most resources have one, so that a series leads
//! back to what it was made of.

mod faults;

use fastrand::Rng;
use local_amp::proto::otlp::any_value::Value as Any;
use local_amp::proto::otlp::exponential_histogram_data_point::Buckets;
use local_amp::proto::otlp::metric::Data;
use local_amp::proto::otlp::number_data_point::Value as Number;
use local_amp::proto::otlp::summary_data_point::ValueAtQuantile;
use local_amp::proto::otlp::{
    AnyValue, ArrayValue, Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint,
    ExportMetricsServiceRequest, Gauge, Histogram, HistogramDataPoint, InstrumentationScope, KeyValue,
    KeyValueList, Metric, NumberDataPoint, Resource, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar,
};

/// The key of the attribute with the number of a metric, or of a resource after an `r`.
pub(crate) const KEY: &str = "n";

const NAMES: &[&str] = &[
    "",
    "requests",
    "http.server.duration",
    "a__b",
    "job:rate",
    "9lives",
    "größe",
    "total",
    "x.total",
    "ratio",
    "a.bytes",
    "seconds",
    "per_second",
    "a b",
    "tab\there",
    "-",
    "日本",
    "a/b",
    "_",
    "CamelCase",
];
const UNITS: &[&str] = &[
    "",
    "1",
    "s",
    "ms",
    "By",
    "KiBy",
    "%",
    "Cel",
    "{request}",
    "By/s",
    "1/s",
    "{a}/s",
    "m/s",
    "s/m",
    "By/",
    "/s",
    "/",
    " s ",
    "custom",
    "a_b_",
    "x/{y}",
    "@",
    "a@/b@",
    "per_x",
    "größe",
    "1/mo",
    "_/_",
    "total",
    "ratio",
    "a/b/c",
];
const KEYS: &[&str] = &[
    "a",
    "a.b",
    "a_b",
    "a-b",
    "a..b",
    "a__b",
    "le",
    "quantile",
    "job",
    "instance",
    "1a",
    "__x__",
    "__x",
    "_y",
    "x_",
    "otel_scope_name",
    "otel.scope.version",
    "otel_scope_lib",
    "service.name",
    "größe",
    "A",
    "a:b",
    "__name__",
    "key_1a",
    "target",
    "\u{1f600}x",
];
/// Keys of which nothing is left.
pub(crate) const BAD_KEYS: &[&str] = &["", "__", "日本", "_", "@#", "____"];
const TEXTS: &[&str] = &[
    "",
    "x",
    "größe",
    "\"quoted\"",
    "line\nbreak",
    "<&>",
    "\\",
    "\u{1f600}",
    " ",
    "a;b",
    "\u{1}",
    "\u{2028}",
];
const FLOATS: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    -1.5,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN_POSITIVE,
    5e-324,
    1e21,
    1e-7,
    123_456.789,
    1e20,
    0.1,
    // The sum is exact; its shortest text may end in 2 or 3.
    2_099_133_725_945_518.0 + 0.25,
];
/// Keys of attributes of scopes.
const SCOPE_KEYS: &[&str] = &["lib", "a.b", "a_b", "1", "größe", "name", "version", "schema_url", "x__y"];

/// A request, in which a receiver finds nothing wrong, or one data point.
#[derive(Debug)]
pub(crate) struct Generated {
    pub(crate) request: ExportMetricsServiceRequest,
    /// Whether its one data point may be refused.
    pub(crate) is_hostile: bool,
}

/// Requests of `metrics` metrics, taken up to ten minutes before `now_ms`.
pub(crate) fn requests(seed: u64, now_ms: i64, metrics: usize) -> Vec<Generated> {
    let mut random = Random { rng: Rng::with_seed(seed), now_ms, metrics: 0, resources: 0, at: 0 };
    let mut requests = Vec::new();
    while random.metrics < metrics {
        random.at = random.time();
        requests.push(if random.one_in(2) { random.hostile() } else { random.valid() });
    }
    requests
}

struct Random {
    rng: Rng,
    now_ms: i64,
    metrics: usize,
    resources: usize,
    /// The time of most data points of a request, in nanoseconds.
    at: u64,
}

impl Random {
    fn one_in(&mut self, n: usize) -> bool {
        self.rng.usize(..n) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.usize(..of.len())]
    }

    fn text(&mut self, of: &[&str]) -> String {
        self.pick(of).to_owned()
    }

    fn list<T>(&mut self, below: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.rng.usize(..below)).map(|_| one(self)).collect()
    }

    fn time(&mut self) -> u64 {
        let milliseconds = self.now_ms - self.rng.i64(1_000..600_000);
        milliseconds.unsigned_abs() * 1_000_000 + self.rng.u64(..1_000_000)
    }

    /// A float, often a special one.
    fn float(&mut self) -> f64 {
        match self.rng.usize(..4) {
            0 => self.pick(FLOATS),
            1 => f64::from_bits(self.rng.u64(..)),
            2 => f64::from(self.rng.i32(..)),
            _ => self.rng.f64() * 1_000.0,
        }
    }

    fn valid(&mut self) -> Generated {
        let resource_metrics = (0..=self.rng.usize(..3)).map(|_| self.resource_metrics()).collect();
        Generated { request: ExportMetricsServiceRequest { resource_metrics }, is_hostile: false }
    }

    fn resource_metrics(&mut self) -> ResourceMetrics {
        let attributes = self.resource();
        let scope_metrics = (0..=self.rng.usize(..2)).map(|_| {
            let metrics = (0..=self.rng.usize(..4)).map(|_| self.metric()).collect();
            self.scope_metrics(metrics)
        });
        let scope_metrics = scope_metrics.collect();
        let resource = (!attributes.is_empty()).then_some(Resource { attributes });
        ResourceMetrics { resource, scope_metrics, schema_url: String::new() }
    }

    /// The attributes of a resource, with and without an identity.
    fn resource(&mut self) -> Vec<KeyValue> {
        self.resources += 1;
        let number = self.resources;
        let mut attributes = self.attributes(3, KEYS);
        attributes.retain(|attribute| !attribute.key.starts_with("service."));
        for (key, prefix) in
            [("service.name", "job"), ("service.namespace", "team"), ("service.instance.id", "i")]
        {
            if !self.one_in(3) {
                let value = match self.rng.usize(..10) {
                    0 => Any::StringValue(String::new()),
                    1 => Any::IntValue(i64::try_from(number).unwrap_or_default()),
                    _ => Any::StringValue(format!("{prefix}{number}")),
                };
                attributes.push(attribute(key, value));
            }
        }
        if self.one_in(10) {
            attributes.retain(|attribute| attribute.key.starts_with("service."));
        } else {
            attributes.push(attribute(KEY, Any::StringValue(format!("r{number}"))));
        }
        self.rng.shuffle(&mut attributes);
        attributes
    }

    fn scope_metrics(&mut self, metrics: Vec<Metric>) -> ScopeMetrics {
        let scope = (!self.one_in(4)).then(|| {
            let (name, version) = (self.text(&["", "lib", "io.lib"]), self.text(&["", "1.0"]));
            // Those of a scope without a name are not compared: Prometheus ignores them.
            let attributes = if name.is_empty() { Vec::new() } else { self.attributes(3, SCOPE_KEYS) };
            InstrumentationScope { name, version, attributes }
        });
        ScopeMetrics {
            scope,
            metrics,
            schema_url: self.text(&["", "https://opentelemetry.io/schemas/1.37.0"]),
        }
    }

    /// Attributes with different keys.
    fn attributes(&mut self, below: usize, keys: &[&str]) -> Vec<KeyValue> {
        let mut attributes = self.list(below, |random| {
            let key = random.text(keys);
            KeyValue { key, value: Some(random.any(0)) }
        });
        let mut seen = std::collections::HashSet::new();
        attributes.retain(|attribute| seen.insert(attribute.key.clone()));
        attributes
    }

    fn any(&mut self, depth: usize) -> AnyValue {
        let value = match self.rng.usize(..if depth < 3 { 12 } else { 6 }) {
            0 => return AnyValue { value: None },
            1 => Any::BoolValue(self.rng.bool()),
            2 => Any::IntValue(if self.one_in(2) { self.rng.i64(..) } else { self.rng.i64(-9..9) }),
            3 => Any::DoubleValue(self.float()),
            4 => Any::BytesValue(self.list(5, |random| random.rng.u8(..))),
            5 | 8.. => Any::StringValue(self.text(TEXTS)),
            6 => Any::ArrayValue(ArrayValue { values: self.list(4, |random| random.any(depth + 1)) }),
            7 => {
                let values = self.list(4, |random| KeyValue {
                    key: random.text(TEXTS),
                    value: Some(random.any(depth + 1)),
                });
                Any::KvlistValue(KeyValueList { values })
            }
        };
        AnyValue { value: Some(value) }
    }

    /// A metric in which nothing is wrong.
    fn metric(&mut self) -> Metric {
        self.metrics += 1;
        let number = self.metrics;
        let name = format!("{}m{number}.{}", self.pick(&["", "a.", "1", "ü_"]), self.pick(NAMES));
        let data = match self.rng.usize(..5) {
            0 => Data::Gauge(Gauge { data_points: self.points(Self::number) }),
            1 => Data::Sum(Sum {
                data_points: self.points(Self::number),
                aggregation_temporality: CUMULATIVE,
                is_monotonic: self.rng.bool(),
            }),
            2 => Data::Histogram(Histogram {
                data_points: self.points(Self::histogram),
                aggregation_temporality: CUMULATIVE,
            }),
            3 => Data::ExponentialHistogram(ExponentialHistogram {
                data_points: self.points(Self::exponential),
                aggregation_temporality: CUMULATIVE,
            }),
            _ => Data::Summary(Summary { data_points: self.points(Self::summary) }),
        };
        Metric { name, description: self.text(TEXTS), unit: self.text(UNITS), data: Some(data) }
    }

    /// Data points with different labels.
    fn points<P>(&mut self, point: impl Fn(&mut Self, Common) -> P) -> Vec<P> {
        let count = self.rng.i64(1..=3);
        let points = (0..count).map(|at| {
            let mut attributes = self.attributes(4, KEYS);
            attributes.push(attribute(KEY, Any::StringValue(self.metrics.to_string())));
            attributes.push(attribute("point", Any::IntValue(at)));
            self.rng.shuffle(&mut attributes);
            let time = if self.one_in(4) { self.time() } else { self.at };
            let start = if self.one_in(2) { 0 } else { time - self.rng.u64(..1_000_000_000) };
            let flags = u32::from(self.one_in(8));
            point(self, Common { attributes, time, start, flags })
        });
        points.collect()
    }

    fn exemplars(&mut self) -> Vec<Exemplar> {
        self.list(2, |random| Exemplar {
            filtered_attributes: Vec::new(),
            time_unix_nano: random.at,
            value: Some(exemplar::Value::AsDouble(1.0)),
            span_id: vec![1; 8],
            trace_id: vec![1; 16],
        })
    }

    fn number(&mut self, common: Common) -> NumberDataPoint {
        let value = match self.rng.usize(..3) {
            0 => Number::AsInt(self.rng.i64(..)),
            1 => Number::AsInt(self.rng.i64(-1_000..1_000)),
            _ => Number::AsDouble(self.float()),
        };
        NumberDataPoint {
            // Without a recorded value it may be missing.
            value: (common.flags == 0 || self.rng.bool()).then_some(value),
            attributes: common.attributes,
            start_time_unix_nano: common.start,
            time_unix_nano: common.time,
            exemplars: self.exemplars(),
            flags: common.flags,
        }
    }

    fn histogram(&mut self, common: Common) -> HistogramDataPoint {
        let mut explicit_bounds = self.list(8, |random| match random.rng.usize(..8) {
            0 => random.pick(&[f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 1e-9, 1e22, 0.1]),
            _ => f64::from(random.rng.i32(-1_000..1_000)) / 8.0,
        });
        explicit_bounds.sort_by(f64::total_cmp);
        explicit_bounds.dedup();
        let buckets = if self.one_in(6) { self.rng.usize(..9) } else { explicit_bounds.len() + 1 };
        let bucket_counts: Vec<_> = (0..buckets).map(|_| self.rng.u64(..1_000)).collect();
        let count = if self.one_in(6) { self.rng.u64(..1 << 60) } else { bucket_counts.iter().sum() };
        HistogramDataPoint {
            attributes: common.attributes,
            start_time_unix_nano: common.start,
            time_unix_nano: common.time,
            count,
            sum: (!self.one_in(4)).then(|| self.float()),
            bucket_counts,
            explicit_bounds,
            exemplars: self.exemplars(),
            flags: common.flags,
            min: Some(0.0),
            max: None,
        }
    }

    fn exponential(&mut self, common: Common) -> ExponentialHistogramDataPoint {
        let scale = self.rng.i32(-4..=20);
        // Buckets of 400 powers of two. Below them is the zero threshold, within which buckets have no order.
        let half =
            usize::try_from(if scale < 0 { 400 >> -scale } else { 400 << scale.min(3) }).unwrap_or_default();
        let [positive, negative] = [(); 2].map(|()| {
            (!self.one_in(3)).then(|| {
                let longest = if self.one_in(8) { 400 } else { 30 }.min(half);
                let low = i32::try_from(half).unwrap_or_default();
                Buckets {
                    offset: self.rng.i32(-low..=low - i32::try_from(longest).unwrap_or_default()),
                    bucket_counts: self
                        .list(longest, |random| if random.one_in(3) { 0 } else { random.rng.u64(..10_000) }),
                }
            })
        });
        let zero_count = if self.one_in(2) { 0 } else { self.rng.u64(..100) };
        let sum_of = |buckets: &Option<Buckets>| -> u64 {
            buckets.as_ref().map_or(0, |buckets| buckets.bucket_counts.iter().sum())
        };
        ExponentialHistogramDataPoint {
            count: sum_of(&positive) + sum_of(&negative) + zero_count,
            sum: Some(f64::from(self.rng.i32(..)) / 16.0),
            scale,
            zero_count,
            positive,
            negative,
            attributes: common.attributes,
            start_time_unix_nano: common.start,
            time_unix_nano: common.time,
            exemplars: self.exemplars(),
            flags: common.flags,
            ..ExponentialHistogramDataPoint::default()
        }
    }

    fn summary(&mut self, common: Common) -> SummaryDataPoint {
        let mut quantiles = self.list(4, |random| random.pick(&[0.0, 0.5, 0.9, 0.99, 0.999, 1.0, 1e-9]));
        quantiles.sort_by(f64::total_cmp);
        quantiles.dedup();
        let value_of = |quantile| ValueAtQuantile { quantile, value: self.float() };
        SummaryDataPoint {
            quantile_values: quantiles.into_iter().map(value_of).collect(),
            attributes: common.attributes,
            start_time_unix_nano: common.start,
            time_unix_nano: common.time,
            count: self.rng.u64(..1 << 60),
            sum: self.float(),
            flags: common.flags,
        }
    }
}

const CUMULATIVE: i32 = 2;

/// The fields of all data points.
struct Common {
    attributes: Vec<KeyValue>,
    time: u64,
    start: u64,
    flags: u32,
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}
