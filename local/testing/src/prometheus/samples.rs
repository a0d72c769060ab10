//! The raw samples that a Prometheus holds, as PromQL gives them.
//!
//! In: a selector and how far back to look. Out: the samples as they were written, bit by bit.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde_json::Value;

use super::client::{ClientError, PrometheusClient};

/// Samples by timestamp (milliseconds since the epoch), by label set with `__name__` among the labels.
pub type SamplesByLabels = BTreeMap<Labels, Samples>;

type Labels = BTreeMap<String, String>;
type Samples = BTreeMap<i64, f64>;

/// Why the samples are not known.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Prometheus cannot be asked.
    #[error("prometheus cannot be asked")]
    Unasked(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It refused the query.
    #[error("prometheus refused {query:?}: {answer}")]
    Refused {
        /// The query.
        query: String,
        /// What it said.
        answer: String,
    },
    /// It answered something else than a matrix of samples.
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

/// Asks the Prometheus at `url` for all samples of `selector` within `range` before now (HTTP API, "Range vectors":
/// an instant query for a range selector gives samples as they are stored).
///
/// # Errors
/// It cannot be asked, or it refuses.
pub async fn samples(url: &str, selector: &str, range: Duration) -> Result<SamplesByLabels, QueryError> {
    let query = format!("{selector}[{}s]", range.as_secs().max(1));
    let form = [(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))];
    let body = format!("query={}", percent_encode(&query));
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

fn percent_encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
