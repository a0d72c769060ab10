//! Names and units, by the tables of Prometheus's `otlptranslator`.

use crate::{CUMULATIVE, double, gauge, metric, read_metrics, read_request, request, sum, texts};
use prometheus_proto::otlp::metric::Data;
use prometheus_proto::otlp::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, Summary, SummaryDataPoint,
};

/// The type of a metric.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Gauge,
    Counter,
    UpDown,
    Histogram,
    Exponential,
    Summary,
}

use Kind::{Counter, Exponential, Gauge, UpDown};

/// Name, unit and type of a metric; its name in Prometheus, and the name of its unit.
///
/// `otlptranslator` 1.0.0 publishes 57 rows for underscores with suffixes. 53 are here, and the one that is an error is below.
/// Two have a namespace, which the gateway does not add, and one is of no type: a metric without data points.
const NAMES: &[(&str, &str, Kind, &str, &str)] = &[
    ("requests", "", Counter, "requests_total", ""),
    ("cpu_usage", "1", Gauge, "cpu_usage_ratio", ""),
    ("items", "1", Counter, "items_total", ""),
    ("response_time", "ms", Gauge, "response_time_milliseconds", "milliseconds"),
    ("memory_usage", "By", Gauge, "memory_usage_bytes", "bytes"),
    ("requests", "1/s", Gauge, "requests_per_second", "per_second"),
    ("throughput", "By/s", Gauge, "throughput_bytes_per_second", "bytes_per_second"),
    ("custom_metric", "custom_unit", Gauge, "custom_metric_custom_unit", "custom_unit"),
    ("custom_metric", "{custom}", Gauge, "custom_metric", ""),
    ("custom_metric", "By/{custom}", Gauge, "custom_metric_bytes", "bytes"),
    ("requests_total", "", Counter, "requests_total", ""),
    ("cpu_usage_ratio", "1", Gauge, "cpu_usage_ratio", ""),
    ("response_time_seconds", "s", Gauge, "response_time_seconds", "seconds"),
    (
        "metric__with__multiple__underscores",
        "unit__multiple__underscores",
        Gauge,
        "metric_with_multiple_underscores_unit_multiple_underscores",
        "unit_multiple_underscores",
    ),
    (
        "custom_metric",
        "unit@with#special/chars",
        Gauge,
        "custom_metric_unit_with_special_per_chars",
        "unit_with_special_per_chars",
    ),
    ("request_duration", "s", Kind::Histogram, "request_duration_seconds", "seconds"),
    ("request_size", "By", Exponential, "request_size_bytes", "bytes"),
    ("response_time", "ms", Kind::Summary, "response_time_milliseconds", "milliseconds"),
    ("active_connections", "", UpDown, "active_connections", ""),
    ("uptime", "d", Gauge, "uptime_days", "days"),
    ("duration", "h", Gauge, "duration_hours", "hours"),
    ("timeout", "min", Gauge, "timeout_minutes", "minutes"),
    ("latency", "us", Gauge, "latency_microseconds", "microseconds"),
    ("precision_time", "ns", Gauge, "precision_time_nanoseconds", "nanoseconds"),
    ("cache_size", "KiBy", Gauge, "cache_size_kibibytes", "kibibytes"),
    ("memory", "MiBy", Gauge, "memory_mebibytes", "mebibytes"),
    ("storage", "GiBy", Gauge, "storage_gibibytes", "gibibytes"),
    ("capacity", "TiBy", Gauge, "capacity_tibibytes", "tibibytes"),
    ("transfer", "KBy", Gauge, "transfer_kilobytes", "kilobytes"),
    ("download", "MBy", Gauge, "download_megabytes", "megabytes"),
    ("backup", "GBy", Gauge, "backup_gigabytes", "gigabytes"),
    ("archive", "TBy", Gauge, "archive_terabytes", "terabytes"),
    ("distance", "m", Gauge, "distance_meters", "meters"),
    ("voltage", "V", Gauge, "voltage_volts", "volts"),
    ("current", "A", Gauge, "current_amperes", "amperes"),
    ("energy", "J", Gauge, "energy_joules", "joules"),
    ("power", "W", Gauge, "power_watts", "watts"),
    ("weight", "g", Gauge, "weight_grams", "grams"),
    ("temperature", "Cel", Gauge, "temperature_celsius", "celsius"),
    ("frequency", "Hz", Gauge, "frequency_hertz", "hertz"),
    ("cpu_usage", "%", Gauge, "cpu_usage_percent", "percent"),
    ("requests", "1/m", Gauge, "requests_per_minute", "per_minute"),
    ("events", "1/h", Gauge, "events_per_hour", "per_hour"),
    ("transactions", "1/d", Gauge, "transactions_per_day", "per_day"),
    ("reports", "1/w", Gauge, "reports_per_week", "per_week"),
    ("invoices", "1/mo", Gauge, "invoices_per_month", "per_month"),
    ("renewals", "1/y", Gauge, "renewals_per_year", "per_year"),
    ("custom", "1/custom_unit", Gauge, "custom_per_custom_unit", "per_custom_unit"),
    ("metric", "By/", Gauge, "metric_bytes", "bytes"),
    ("metric", " By / s ", Gauge, "metric_bytes_per_second", "bytes_per_second"),
    ("metric", "/", Gauge, "metric", ""),
    ("http.request.duration", "ms", Kind::Histogram, "http_request_duration_milliseconds", "milliseconds"),
    ("http.requests", "1", Counter, "http_requests_total", ""),
    // By the rules, without a row in the published tables.
    ("jobs", "{job}", Counter, "jobs_total", ""),
    ("total.requests", "", Counter, "requests_total", ""),
    ("ratio.of.hits", "1", Gauge, "of_hits_ratio", ""),
    ("share", "1", UpDown, "share", ""),
    ("share", " 1 ", Gauge, "share", ""),
    ("123.go", "", Gauge, "_123_go", ""),
    ("job:rate", "", Gauge, "job:rate", ""),
    ("température", "", Gauge, "temp_rature", ""),
    ("_a_", "", Gauge, "a", ""),
    ("io_bytes", "By/s", Counter, "io_bytes_per_second_total", "bytes_per_second"),
    ("requests_per_second", "1/s", Gauge, "requests_per_second_per_second", "per_second"),
    ("a", "b_", Gauge, "a_b_", "b"),
    ("a", "b_/s", Gauge, "a_b_per_second", "b__per_second"),
    ("a", "b/c_", Gauge, "a_b_per_c", "b_per_c"),
    ("a", "@", Gauge, "a", ""),
    ("a", "b/@", Gauge, "a_b", "b_per"),
    ("@", "", Counter, "total", ""),
];

fn data(kind: Kind) -> Data {
    let (number, at) = (double(1.0), crate::NOW);
    match kind {
        Gauge => gauge(vec![number]),
        Counter => sum(true, CUMULATIVE, vec![number]),
        UpDown => sum(false, CUMULATIVE, vec![number]),
        Kind::Histogram => Data::Histogram(Histogram {
            data_points: vec![HistogramDataPoint { time_unix_nano: at, ..HistogramDataPoint::default() }],
            aggregation_temporality: CUMULATIVE,
        }),
        Exponential => Data::ExponentialHistogram(ExponentialHistogram {
            data_points: vec![ExponentialHistogramDataPoint {
                time_unix_nano: at,
                sum: Some(0.0),
                ..ExponentialHistogramDataPoint::default()
            }],
            aggregation_temporality: CUMULATIVE,
        }),
        Kind::Summary => Data::Summary(Summary {
            data_points: vec![SummaryDataPoint { time_unix_nano: at, ..SummaryDataPoint::default() }],
        }),
    }
}

#[test]
fn a_name_has_its_unit_and_type_as_suffixes() {
    for (name, unit, kind, expected, expected_unit) in NAMES.iter().copied() {
        let read = read_metrics(vec![Metric { unit: unit.to_owned(), ..metric(name, data(kind)) }]);
        let [family] = &*read.metadata else { panic!("{name} {unit}: {read:?}") };
        let words: Vec<_> = family.split(' ').collect();
        let given = format!("{name} {unit:?} {kind:?}");
        assert_eq!(words[1..], [expected, "\"\"", &format!("{expected_unit:?}")], "{given}");
        assert!(read.samples.iter().all(|sample| sample.starts_with(expected)), "{given}: {read:?}");
    }
}

/// The key of an attribute, and the name of its label.
///
/// `otlptranslator` 1.0.0 publishes 16 keys for underscores. 13 are here, and the three that are errors are below.
const LABELS: &[(&str, &str)] = &[
    ("label:with:colons", "label_with_colons"),
    ("LabelWithCapitalLetters", "LabelWithCapitalLetters"),
    ("label!with&special$chars)", "label_with_special_chars_"),
    ("label_with_foreign_characters_字符", "label_with_foreign_characters_"),
    ("label.with.dots", "label_with_dots"),
    ("123label", "key_123label"),
    ("_label_starting_with_underscore", "_label_starting_with_underscore"),
    ("__label_starting_with_2underscores", "_label_starting_with_2underscores"),
    ("label__with__double__underscores", "label_with_double_underscores"),
    ("label.name__with&&special##chars", "label_name_with_special_chars"),
    ("__reserved__label__name__", "__reserved_label_name__"),
    ("trailing_underscores___", "trailing_underscores_"),
    ("regular label", "regular_label"),
    // By the rules, without a row in the published table.
    ("__a__", "__a__"),
    ("__1__", "__1__"),
    (".foo", "_foo"),
    ("1.2", "key_1_2"),
    ("a", "a"),
    ("___a___", "___a___"),
    ("service.name", "service_name"),
];

#[test]
fn the_key_of_an_attribute_becomes_a_label_name() {
    for (key, expected) in LABELS.iter().copied() {
        let point = NumberDataPoint { attributes: texts(&[(key, "x")]), ..double(1.0) };
        let read = read_metrics(vec![metric("m", gauge(vec![point]))]);
        assert_eq!(read.samples, [format!("m{{{expected}=\"x\"}} 1")], "{key}");
    }
}

#[test]
fn names_without_a_valid_character_are_refused() {
    let read = read_metrics(vec![metric("@#$%", gauge(vec![double(1.0), double(2.0)])), crate::one("")]);
    let [(3, reason)] = &*read.refused else { panic!("{read:?}") };
    assert_eq!(reason, "metric \"@#$%\": name \"@#$%\" would be nothing but underscores after escaping");
    for (key, reason) in [
        ("ようこそ", "name \"ようこそ\" would be nothing but underscores after escaping"),
        ("__", "name \"__\" would be nothing but underscores after escaping"),
        ("____", "name \"____\" would be nothing but underscores after escaping"),
        ("", "name is empty"),
    ] {
        let point = NumberDataPoint { attributes: texts(&[("a", "x"), (key, "x")]), ..double(1.0) };
        let read = read_metrics(vec![metric("m", gauge(vec![point, double(2.0)]))]);
        assert_eq!(read.samples, ["m{} 2"]);
        assert_eq!(read.refused, [(1, format!("metric \"m\": attribute: {reason}"))]);
    }
}

#[test]
fn values_of_keys_with_the_same_name_are_joined_in_key_order() {
    for (attributes, expected) in [
        (&[("a_b", "3"), ("a.b", "2"), ("a-b", "1")][..], "a_b=\"1;2;3\""),
        (&[("a.b", ""), ("a_b", "x")], "a_b=\"x\""),
        (&[("a.b", "x"), ("a_b", "")], "a_b=\"x;\""),
        (&[("b", "1"), ("a", ""), ("__name__", "no")], "b=\"1\""),
        (&[("job", "own"), ("instance", "own"), ("b", "1")], "b=\"1\",instance=\"i\",job=\"j\""),
    ] {
        let point = NumberDataPoint { attributes: texts(attributes), ..double(1.0) };
        let metrics = vec![metric("m", gauge(vec![point]))];
        let resource: &[_] = if expected.contains("job") {
            &[("service.name", "j"), ("service.instance.id", "i")]
        } else {
            &[]
        };
        let read = read_request(&request(resource, metrics));
        assert_eq!(read.samples, [format!("m{{{expected}}} 1")], "{attributes:?}");
    }
}
