//! The pure stages one by one, so that a slower one shows where it is: `cargo bench -p push-gateway-bench`.
//!
//! In: the batches of `npm run bench`. Each stage is given what the one before it made. `encode` includes snappy, which
//! `compress` shows alone on the same message.

#[path = "../src/batch.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the benchmark's own module with its tests, of which this uses a part"
)]
mod batch;

use std::hint::black_box;
use std::time::{Duration, UNIX_EPOCH};

use aws::Scope;
use aws::sign::sign;
use aws_credential_types::Credentials;
use batch::{Batch, Shape};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use push_gateway::envelopes::Envelope;
use push_gateway::records::{Records, Rules};
use remote_write::{EncodedRequest, Labels, MAX_REQUEST_BYTES, NameEscaping, Series};

const CASES: [(Shape, usize); 6] = [
    (Shape::Usual, 10),
    (Shape::Usual, 1_000),
    (Shape::Usual, 5_500),
    (Shape::Numbers, 5_500),
    (Shape::ManySeries, 5_500),
    (Shape::HotSeries, 5_500),
];

fn stages(criterion: &mut Criterion) {
    let no_labels = Labels::default();
    let rules = Rules { escaping: NameEscaping::Underscores, external_labels: &no_labels };
    for (shape, records) in CASES {
        let batch = Batch::of(shape, records);
        let id = |stage| BenchmarkId::new(stage, format!("{records} records, {}", shape.name()));
        let mut group = criterion.benchmark_group("stage");
        group.throughput(Throughput::Elements(batch.samples as u64));

        group
            .bench_function(id("envelope"), |b| b.iter(|| Envelope::read(black_box(&batch.payload)).is_ok()));

        let envelope = Envelope::read(&batch.payload).expect("an SQS batch");
        group.bench_function(id("records"), |b| b.iter(|| Records::read(black_box(&envelope), rules)));

        let (_, series) = Records::read(&envelope, rules);
        group.bench_function(id("plan"), |b| {
            b.iter(|| black_box(&series).plan(series.samples(), MAX_REQUEST_BYTES));
        });
        group.bench_function(id("encode"), |b| b.iter(|| encode(black_box(&series))));

        let requests = encode(&series);
        let messages: Vec<Vec<u8>> = requests.iter().map(message).collect();
        group.bench_function(id("compress"), |b| {
            b.iter(|| black_box(&messages).iter().map(|message| compress(message)).collect::<Vec<_>>());
        });

        let bodies: Vec<Bytes> = requests.into_iter().map(|request| request.body.into()).collect();
        group.bench_function(id("sign"), |b| b.iter(|| black_box(&bodies).iter().for_each(sign_one)));
        group.finish();
    }
}

fn encode(series: &Series) -> Vec<EncodedRequest> {
    let plan = series.plan(series.samples(), MAX_REQUEST_BYTES);
    plan.into_iter().map(|request| series.encode(&series.samples()[request.samples])).collect()
}

fn message(request: &EncodedRequest) -> Vec<u8> {
    snap::raw::Decoder::new().decompress_vec(&request.body).expect("snappy")
}

fn compress(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).expect("a request is far below snappy's limit")
}

fn sign_one(body: &Bytes) {
    let mut request = http::Request::post(
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-bench/api/v1/remote_write",
    )
    .header("content-encoding", "snappy")
    .header("content-type", "application/x-protobuf")
    .header("x-prometheus-remote-write-version", "0.1.0")
    .body(body.clone())
    .expect("a request");
    let scope = Scope { region: "eu-west-1".to_owned(), service: "aps" };
    let credentials =
        Credentials::new("AKIDLOCAL", "local-secret", Some("local-token".to_owned()), None, "bench");
    let time = UNIX_EPOCH + Duration::from_secs(1_676_398_017);
    sign(&mut request, &scope, &credentials, time).expect("it can be signed");
    black_box(request);
}

criterion_group!(benches, stages);
criterion_main!(benches);
