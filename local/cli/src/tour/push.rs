//! A push over HTTP, as a job's last step to a Pushgateway, and its sample by `PromQL`.

use std::error::Error;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use local_testing::truncate;
use serde_json::{Value, json};

use crate::console::{print_line, print_verdict};
use crate::stack::Stack;

/// What the job reports, and the query that reads it back.
const BODY: &str = "# TYPE backup_duration_seconds gauge\nbackup_duration_seconds 42.5\n";
const QUERY: &str = r#"backup_duration_seconds{job="backup"}"#;
const VALUE: &str = "42.5";

/// Pushes to the function URL and compares what is stored.
pub(super) async fn push_and_read_back(stack: &Stack) -> Result<bool, Box<dyn Error>> {
    let (status, body) = push(stack).await?;
    print_line!("  PUT /metrics/job/backup: {status} {}", truncate(&body, 100));
    print_line!("  PromQL: {QUERY}");
    let read = read(stack).await?;
    let is_equal = status == StatusCode::ACCEPTED && read.as_deref() == Some(VALUE);
    let found = read.as_deref().unwrap_or("nothing");
    let verdict = if is_equal {
        format!("{VALUE} pushed and read back")
    } else {
        format!("expected 202 and {VALUE}, got {} and {found}", status.as_u16())
    };
    print_line!(
        "  `npm start -- --serve` keeps the stack up and prints the page of Prometheus that draws it."
    );
    print_verdict(is_equal, &verdict);
    Ok(is_equal)
}

async fn push(stack: &Stack) -> Result<(StatusCode, String), Box<dyn Error>> {
    let http = &stack.endpoints().http;
    let user = STANDARD.encode(format!("{}:{}", http.username, http.password));
    let request = http::Request::put(format!("{}/metrics/job/backup", http.function_url))
        .header(header::AUTHORIZATION, format!("Basic {user}"))
        .header(header::CONTENT_TYPE, "text/plain; version=0.0.4")
        .body(Full::new(Bytes::from_static(BODY.as_bytes())))?;
    let answer = Client::builder(TokioExecutor::new()).build_http().request(request).await?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok((head.status, String::from_utf8_lossy(&body).into_owned()))
}

/// The value of the only series that the query function finds.
async fn read(stack: &Stack) -> Result<Option<String>, Box<dyn Error>> {
    let function = stack.query_function("query").ok_or("the function query is missing")?;
    let invocation = function.invoke(json!({ "query": QUERY }).to_string().into(), None).await?;
    let answer: Value = serde_json::from_slice(invocation.response().ok_or("query failed, see above")?)?;
    let series = answer["body"]["data"]["result"].as_array().ok_or("query returned no series")?;
    let [series] = &series[..] else { return Ok(None) };
    Ok(series["value"][1].as_str().map(str::to_owned))
}
