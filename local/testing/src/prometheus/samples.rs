//! The samples that a Prometheus stores, bit for bit.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::client::{ClientError, PrometheusClient};

/// Samples by timestamp (milliseconds since the epoch), by label set with `__name__` among the labels.
pub type SamplesByLabels = BTreeMap<Labels, Samples>;

type Labels = BTreeMap<String, String>;
type Samples = BTreeMap<i64, f64>;

/// Why the samples could not be read.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Prometheus cannot be reached.
    #[error("prometheus cannot be reached")]
    Unasked(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It rejected the query.
    #[error("prometheus refused {query:?}: {answer}")]
    Refused {
        /// The query.
        query: String,
        /// Its answer.
        answer: String,
    },
    /// Its answer is not a matrix of samples.
    #[error("prometheus answered {query:?} with something else than samples")]
    NoMatrix {
        /// The query.
        query: String,
    },
}

impl From<ClientError> for QueryError {
    fn from(error: ClientError) -> Self {
        Self::Unasked(error.into())
    }
}

/// Queries the Prometheus at `url` for all samples of `selector` within `range` before now (HTTP API, "Range vectors": an
/// instant query for a range selector returns samples as they are stored).
///
/// # Errors
/// It cannot be reached, or it rejects the query.
pub async fn samples(url: &str, selector: &str, range: Duration) -> Result<SamplesByLabels, QueryError> {
    samples_until(url, selector, range, None).await
}

/// The same with another end than now, in seconds since the epoch.
pub(crate) async fn samples_until(
    url: &str,
    selector: &str,
    range: Duration,
    end_s: Option<i64>,
) -> Result<SamplesByLabels, QueryError> {
    let query = format!("{selector}[{}s]", range.as_secs().max(1));
    let form = [(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))];
    let end = end_s.map_or(String::new(), |end| format!("&time={end}"));
    let body = format!("query={}{end}", utf8_percent_encode(&query, NON_ALPHANUMERIC));
    let client = PrometheusClient::new(url)?;
    let answer = client.send(&Method::POST, "/api/v1/query", &form, Bytes::from(body)).await?;
    if !answer.status.is_success() {
        let answer = String::from_utf8_lossy(&answer.body).into_owned();
        return Err(QueryError::Refused { query, answer });
    }
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let matrix = json["data"]["result"].as_array();
    let series = matrix.and_then(|matrix| matrix.iter().map(series).collect());
    series.ok_or(QueryError::NoMatrix { query })
}

fn series(series: &Value) -> Option<(Labels, Samples)> {
    let labels = series["metric"].as_object()?.iter();
    let labels: Option<Labels> =
        labels.map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    let samples: Option<Samples> = series["values"].as_array()?.iter().map(sample).collect();
    Some((labels?, samples?))
}

/// `[1676398017.123, "14.3"]`: seconds with three decimals at most, and a value as text.
fn sample(sample: &Value) -> Option<(i64, f64)> {
    let milliseconds = (sample[0].as_f64()? * 1_000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds is far below 2^53")]
    let timestamp = milliseconds as i64;
    Some((timestamp, sample[1].as_str()?.parse().ok()?))
}
