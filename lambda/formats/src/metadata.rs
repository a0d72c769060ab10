//! The types of metric families by their names in `OpenMetrics`.

use remote_write::MetricType;

/// The type with this name.
pub(crate) fn metric_type(name: &str) -> Option<MetricType> {
    Some(match name {
        "unknown" => MetricType::Unknown,
        "counter" => MetricType::Counter,
        "gauge" => MetricType::Gauge,
        "histogram" => MetricType::Histogram,
        "gaugehistogram" => MetricType::GaugeHistogram,
        "summary" => MetricType::Summary,
        "info" => MetricType::Info,
        "stateset" => MetricType::StateSet,
        _ => return None,
    })
}
