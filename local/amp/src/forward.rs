//! Ingestion with a Prometheus as storage: what the rules accept is written there before it is answered.
//!
//! In: a decoded write request. Out: nothing, or the refusal of the stand-in's rules or of Prometheus. What
//! Prometheus did not take is not remembered either, so that no sample is claimed that cannot be queried.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use prometheus_proto::{Label, Sample, TimeSeries, WriteRequest};
use prost::Message as _;

use super::Shared;
use super::answer::Refusal;
use super::store::{RefusedSeries, StoredSeries};
use local_testing::prometheus::client::PrometheusClient;

/// How much of Prometheus's words a refusal repeats, in characters.
const MAX_WORDS: usize = 1_000;

/// Ingests one request; it goes on to its end even if the sender does not wait for that, since memory would
/// otherwise miss what Prometheus has.
pub(super) async fn ingest(
    shared: Arc<Shared>,
    request: Arc<WriteRequest>,
    refused: Option<RefusedSeries>,
) -> Result<(), Refusal> {
    let ingesting = tokio::spawn(async move { in_turn(&shared, &request, refused.as_ref()).await });
    ingesting.await.unwrap_or_else(|error| {
        Err(Refusal::text(StatusCode::INTERNAL_SERVER_ERROR, format!("ingestion ended early: {error}")))
    })
}

async fn in_turn(
    shared: &Shared,
    request: &WriteRequest,
    refused: Option<&RefusedSeries>,
) -> Result<(), Refusal> {
    let _turn = shared.ingesting.lock().await;
    let plan = shared.state().plan(&shared.options, request, refused)?;
    if let Some(prometheus) = &shared.prometheus {
        write(prometheus, &plan.accepted).await?;
    }
    shared.state().store.commit(plan.accepted);
    plan.first_error.map_or(Ok(()), Err)
}

/// Prometheus, "Remote-write receiver": `/api/v1/write` answers 204, 400 for samples it refuses (all of them
/// then), 5xx for what may be sent again.
async fn write(prometheus: &PrometheusClient, accepted: &StoredSeries) -> Result<(), Refusal> {
    let Some(body) = encode(accepted)? else { return Ok(()) };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf")),
        (header::CONTENT_ENCODING, HeaderValue::from_static("snappy")),
        (header::USER_AGENT, HeaderValue::from_static("push-gateway-local")),
        (HeaderName::from_static("x-prometheus-remote-write-version"), HeaderValue::from_static("0.1.0")),
    ];
    let answer = prometheus.send(&Method::POST, "/api/v1/write", &headers, body).await;
    let answer = answer
        .map_err(|error| Refusal::text(StatusCode::SERVICE_UNAVAILABLE, format!("prometheus: {error}")))?;
    if answer.status.is_success() {
        return Ok(());
    }
    // To a sender a broken storage is a receiver that is not available; what is wrong with the data is told as is.
    let status =
        if answer.status.is_client_error() { answer.status } else { StatusCode::SERVICE_UNAVAILABLE };
    let words = String::from_utf8_lossy(&answer.body);
    let words: String = words.trim().chars().take(MAX_WORDS).collect();
    Err(Refusal::text(status, format!("prometheus answered {}: {words}", answer.status.as_u16())))
}

/// The body of a write request; none if there is nothing to write.
fn encode(accepted: &StoredSeries) -> Result<Option<Bytes>, Refusal> {
    let timeseries: Vec<TimeSeries> = accepted
        .iter()
        .filter(|(_, samples)| !samples.is_empty())
        .map(|(labels, samples)| TimeSeries {
            labels: labels
                .iter()
                .map(|(name, value)| Label { name: name.clone(), value: value.clone() })
                .collect(),
            samples: samples
                .iter()
                .map(|(timestamp, value)| Sample { timestamp: *timestamp, value: *value })
                .collect(),
        })
        .collect();
    if timeseries.is_empty() {
        return Ok(None);
    }
    let message = WriteRequest { timeseries }.encode_to_vec();
    let body = snap::raw::Encoder::new().compress_vec(&message);
    body.map(|body| Some(Bytes::from(body)))
        .map_err(|error| Refusal::text(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))
}
