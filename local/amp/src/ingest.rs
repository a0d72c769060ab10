//! Ingests write requests: applies the rules, stores in Prometheus if there is one, then remembers.
//!
//! Samples that Prometheus did not store are not remembered either, so that every sample in memory can be queried.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use prometheus_proto::{Label, Sample, TimeSeries, WriteRequest};
use prost::Message as _;

use super::answer::{Refusal, Written};
use super::decode::Decoded;
use super::series::{EntriesBySeries, floats, histograms};
use super::store::RefusedSeries;
use super::{Shared, State};
use local_testing::prometheus::client::PrometheusClient;

/// How much of Prometheus's error message a refusal repeats, in characters.
const MAX_MESSAGE: usize = 1_000;

/// Ingests one request; it runs to its end even if the sender goes away, since memory would otherwise miss samples
/// that Prometheus has.
pub(super) async fn ingest(
    shared: Arc<Shared>,
    decoded: Decoded,
    refused: Option<RefusedSeries>,
) -> Result<Written, Refusal> {
    let ingesting = tokio::spawn(async move { in_turn(&shared, &decoded, refused.as_ref()).await });
    ingesting.await.unwrap_or_else(|error| {
        Err(Refusal::text(StatusCode::INTERNAL_SERVER_ERROR, format!("ingestion ended early: {error}")))
    })
}

async fn in_turn(
    shared: &Shared,
    decoded: &Decoded,
    refused: Option<&RefusedSeries>,
) -> Result<Written, Refusal> {
    let _turn = shared.ingesting.lock().await;
    let plan = {
        let mut state = shared.state();
        let State { store, limits, ha_tracker, .. } = &mut *state;
        store.plan(&shared.options, limits, ha_tracker, decoded, refused)?
    };
    if let Some(prometheus) = &shared.prometheus {
        write(prometheus, &plan.accepted).await?;
    }
    shared.state().store.commit(plan.accepted, plan.metadata);
    match plan.first_error {
        None => Ok(plan.written),
        Some(mut refusal) => {
            refusal.written = plan.written;
            Err(refusal)
        }
    }
}

/// Prometheus, "Remote-write receiver": `/api/v1/write` answers 204, 400 if it refuses samples (and then stores
/// none), 5xx if the request may be sent again.
async fn write(prometheus: &PrometheusClient, accepted: &EntriesBySeries) -> Result<(), Refusal> {
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
    // Errors of the storage make the receiver unavailable; errors in the data keep their status.
    let status =
        if answer.status.is_client_error() { answer.status } else { StatusCode::SERVICE_UNAVAILABLE };
    let message = String::from_utf8_lossy(&answer.body);
    let message: String = message.trim().chars().take(MAX_MESSAGE).collect();
    Err(Refusal::text(status, format!("prometheus answered {}: {message}", answer.status.as_u16())))
}

/// The body of a write request; `None` if there is nothing to write.
fn encode(accepted: &EntriesBySeries) -> Result<Option<Bytes>, Refusal> {
    let label = |(name, value): (&String, &String)| Label { name: name.clone(), value: value.clone() };
    let sample = |(timestamp, value)| Sample { timestamp, value };
    let timeseries: Vec<TimeSeries> = accepted
        .iter()
        .filter(|(_, entries)| !entries.is_empty())
        .map(|(labels, entries)| TimeSeries {
            labels: labels.iter().map(label).collect(),
            samples: floats(entries).into_iter().map(sample).collect(),
            histograms: histograms(entries).into_values().collect(),
        })
        .collect();
    if timeseries.is_empty() {
        return Ok(None);
    }
    let message = WriteRequest { timeseries, ..WriteRequest::default() }.encode_to_vec();
    let body = snap::raw::Encoder::new().compress_vec(&message);
    body.map(|body| Some(Bytes::from(body)))
        .map_err(|error| Refusal::text(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))
}
