//! Compares proxies: latency, CPU time and memory under the same load, in turns.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, StatusCode};
use http_body_util::BodyExt as _;
use local_testing::http_server::{HttpServer, Reply};
use local_testing::prometheus::client::PrometheusClient;

use crate::Failure;
use crate::load::{self, Request, Results};
use crate::subject::{Program, Subject, keys};

/// Each proxy is measured as often, after another each time.
const ROUNDS: usize = 3;

const PER_SECOND: u32 = 200;

/// A write request of Prometheus with 2,000 samples has about this size.
const WRITE_BYTES: usize = 32 * 1_024;

/// The beginning of a signature. The server verifies none, because verification would cost more than what is measured.
const SIGNED: &str = "AWS4-HMAC-SHA256";

/// A graph of several series.
const RESPONSE_BYTES: usize = 100_000;

/// Prints a table of `programs`, which are measured for `seconds` in each round.
pub(crate) async fn run(programs: &[Program], seconds: u32) -> Result<(), Failure> {
    println!("{PER_SECOND} requests a second, {ROUNDS} rounds of {seconds} s:\n");
    println!(
        "| request | through | median | 99 % | CPU per request | peak memory |\n|---|---|---|---|---|---|"
    );
    let get = Request {
        method: Method::GET,
        path: "/api/v1/query?query=up",
        headers: Vec::new(),
        body: Bytes::new(),
    };
    let post = Request {
        method: Method::POST,
        path: "/api/v1/remote_write",
        body: vec![7; WRITE_BYTES].into(),
        ..get.clone()
    };
    measure("write of 32 KiB", &post, 0, programs, seconds).await?;
    measure("query with a response of 100 kB", &get, RESPONSE_BYTES, programs, seconds).await
}

async fn measure(
    name: &str,
    request: &Request,
    response_bytes: usize,
    programs: &[Program],
    seconds: u32,
) -> Result<(), Failure> {
    let body = Bytes::from(vec![b'1'; response_bytes]);
    let server = HttpServer::start(0, move |request, _| {
        let body = body.clone();
        async move {
            let authorization = request.headers().get(AUTHORIZATION);
            let is_signed =
                authorization.is_some_and(|value| value.as_bytes().starts_with(SIGNED.as_bytes()));
            match request.into_body().collect().await {
                Ok(_) if is_signed => Reply::Answer(Reply::full(StatusCode::OK, body)),
                Ok(_) => Reply::Answer(Reply::full(StatusCode::FORBIDDEN, "")),
                Err(_) => Reply::Close,
            }
        }
    })
    .await?;
    let server_address = server.address().to_string();
    let direct = PrometheusClient::new(&format!("http://{server_address}/workspaces/ws-local"))?;
    let signed =
        Request { headers: vec![(AUTHORIZATION, HeaderValue::from_static(SIGNED))], ..request.clone() };
    let mut results = load::send(&direct, &signed, (PER_SECOND, seconds), |_| Ok(())).await?;
    row(name, "none (direct)", &mut results, None)?;

    let mut totals: Vec<(Results, Duration, u64)> = programs.iter().map(|_| Default::default()).collect();
    for _ in 0..ROUNDS {
        for (program, (results, cpu, peak)) in programs.iter().zip(&mut totals) {
            let keys = Arc::new(Mutex::new(keys(0, Duration::from_hours(1))));
            let subject = Subject::start(program, &server_address, keys).await?;
            load::send(&subject.client, request, (PER_SECOND, 1), |_| Ok(())).await?;
            let before = subject.cpu()?;
            results.add(load::send(&subject.client, request, (PER_SECOND, seconds), |_| Ok(())).await?);
            *cpu += subject.cpu()?.saturating_sub(before);
            *peak = (*peak).max(subject.kilobytes("VmHWM:")?);
        }
    }
    for (program, (results, cpu, peak)) in programs.iter().zip(&mut totals) {
        row(name, program.name(), results, Some((*cpu, *peak)))?;
    }
    Ok(())
}

fn row(
    name: &str,
    through: &str,
    results: &mut Results,
    cost: Option<(Duration, u64)>,
) -> Result<(), Failure> {
    if results.failed > 0 {
        return Err(format!("{through}: {} requests failed", results.failed).into());
    }
    let [median, late] = results.latencies_ms();
    let count = u32::try_from(results.count())?;
    let cost = cost.map_or("– | –".to_owned(), |(cpu, peak)| {
        format!(
            "{:.0} µs | {:.1} MB",
            cpu.as_secs_f64() * 1e6 / f64::from(count),
            f64::from(u32::try_from(peak).unwrap_or(u32::MAX)) / 1_024.0
        )
    });
    println!("| {name} | {through} | {median:.2} ms | {late:.2} ms | {cost} |");
    Ok(())
}
