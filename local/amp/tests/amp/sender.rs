//! A sender that follows the rules or breaks them, as a test requires.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use local_amp::{AmpOptions, AmpStandIn, LabelSet, StoredSamples};
use local_testing::clock::Clock;
use prometheus_proto::{Label, Sample, TimeSeries, WriteRequest};
use prost::Message as _;

/// 2023-02-14T18:06:57Z, the time of the README's example event.
pub(crate) const NOW_MS: i64 = 1_676_398_017_000;

pub(crate) const MINUTE_MS: i64 = 60_000;

/// A stand-in whose clock stands still at [`NOW_MS`], with changes.
pub(crate) async fn stand_in(change: impl FnOnce(&mut AmpOptions)) -> AmpStandIn {
    let mut options = AmpOptions { clock: Clock::fixed(NOW_MS), ..AmpOptions::default() };
    change(&mut options);
    AmpStandIn::start(options).await.expect("a free port")
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "secret/with+signs", Some("token==".to_owned()), None, "test")
}

pub(crate) fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
    let label = |(name, value): &(&str, &str)| Label { name: (*name).to_owned(), value: (*value).to_owned() };
    let sample = |(timestamp, value): &(i64, f64)| Sample { timestamp: *timestamp, value: *value };
    TimeSeries {
        labels: labels.iter().map(label).collect(),
        samples: samples.iter().map(sample).collect(),
        histograms: Vec::new(),
    }
}

/// The series `ph{device=…}` with one sample.
pub(crate) fn ph(device: &str, timestamp: i64, value: f64) -> TimeSeries {
    series(&[("__name__", "ph"), ("device", device)], &[(timestamp, value)])
}

pub(crate) fn write_request(timeseries: &[TimeSeries]) -> WriteRequest {
    WriteRequest { timeseries: timeseries.to_vec(), ..WriteRequest::default() }
}

/// The body of a write request.
pub(crate) fn body_of(timeseries: &[TimeSeries]) -> Vec<u8> {
    let message = write_request(timeseries).encode_to_vec();
    snap::raw::Encoder::new().compress_vec(&message).expect("a message below 4 GB")
}

/// The stored samples of `ph{device=…}`.
pub(crate) fn stored_ph(amp: &AmpStandIn, device: &str) -> Vec<(i64, f64)> {
    let samples: StoredSamples = amp.samples_of(&[("__name__", "ph"), ("device", device)]);
    samples.into_iter().collect()
}

pub(crate) fn label_set(labels: &[(&str, &str)]) -> LabelSet {
    labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// An answer: its status and its text.
pub(crate) type Answer = (u16, String);

/// A request that keeps all rules, for a test to change.
pub(crate) fn request(amp: &AmpStandIn, body: Vec<u8>) -> http::Request<Vec<u8>> {
    let url: http::Uri = amp.remote_write_url().parse().expect("a URL");
    let host = url.authority().expect("an authority").as_str().to_owned();
    http::Request::post(url)
        .header("host", host)
        .header("content-encoding", "snappy")
        .header("content-type", "application/x-protobuf")
        .header("user-agent", "test/1")
        .header("x-prometheus-remote-write-version", "0.1.0")
        .body(body)
        .expect("a valid request")
}

/// The parameters of a signature.
pub(crate) struct Signing {
    pub(crate) credentials: Credentials,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
    pub(crate) time_ms: i64,
}

impl Default for Signing {
    fn default() -> Self {
        Self { credentials: credentials(), region: "eu-west-1", service: "aps", time_ms: NOW_MS }
    }
}

/// Signs a request with the signer of the AWS SDK.
pub(crate) fn signed(mut request: http::Request<Vec<u8>>, signing: Signing) -> http::Request<Vec<u8>> {
    let identity = signing.credentials.into();
    let time_ms = u64::try_from(signing.time_ms).expect("a time after 1970");
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(signing.region)
        .name(signing.service)
        .time(UNIX_EPOCH + Duration::from_millis(time_ms))
        .settings(SigningSettings::default())
        .build()
        .expect("all parameters are set")
        .into();
    let uri = request.uri().to_string();
    let headers =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII")));
    let signable =
        SignableRequest::new(request.method().as_str(), uri, headers, SignableBody::Bytes(request.body()));
    let (instructions, _) =
        sign(signable.expect("a signable request"), &params).expect("a signature").into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request
}

pub(crate) async fn send(request: http::Request<Vec<u8>>) -> Answer {
    try_send(request).await.expect("an answer")
}

pub(crate) async fn try_send(request: http::Request<Vec<u8>>) -> Result<Answer, reqwest::Error> {
    let request = reqwest::Request::try_from(request).expect("a request for reqwest");
    // An error means that there already is a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let response = client.execute(request).await?;
    let status = response.status().as_u16();
    Ok((status, response.text().await?.trim_end().to_owned()))
}

/// Sends series in a request that is right otherwise.
pub(crate) async fn write(amp: &AmpStandIn, timeseries: &[TimeSeries]) -> Answer {
    send(request(amp, body_of(timeseries))).await
}

/// Writes series and expects the status and a part of the text.
pub(crate) async fn check(amp: &AmpStandIn, timeseries: &[TimeSeries], status: u16, text: &str) {
    let answer = write(amp, timeseries).await;
    assert_eq!(answer.0, status, "{answer:?}");
    assert!(answer.1.contains(text), "{answer:?} does not contain {text:?}");
}
