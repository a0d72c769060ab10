//! The HTTP side of the Lambda service: `POST /2015-03-31/functions/<name>/invocations`.
//!
//! Signatures are not verified. The answers are those of the Lambda API reference, `Invoke`.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use super::asynchronous::{self, AsyncPolicy};
use super::pool::Pool;
use super::request::{Exception, InvocationType, Invoke, function_name};
use crate::bodies::{json_response, read};
use crate::runtime::{Invocation, MAX_PAYLOAD_BYTES};
use local_testing::ACCOUNT;
use local_testing::http_server::{HttpServer, Reply, ResponseBody};

/// Lambda API, `Invoke`: "The last 4 KB of the execution log, which is base64-encoded".
const LOG_TAIL_BYTES: usize = 4 * 1_024;

/// The running API; it stops when it is dropped.
#[derive(Debug)]
pub struct LambdaApi {
    server: HttpServer,
}

#[derive(Debug)]
struct Service {
    region: String,
    functions: Vec<Pool>,
    policy: AsyncPolicy,
}

impl LambdaApi {
    /// Serves functions on a port of 127.0.0.1 (0 takes a free one).
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn start(
        port: u16,
        region: &str,
        functions: Vec<Pool>,
        policy: AsyncPolicy,
    ) -> io::Result<Self> {
        let service = Arc::new(Service { region: region.to_owned(), functions, policy });
        let server = HttpServer::start(port, move |request, _connection| {
            let service = Arc::clone(&service);
            async move {
                Reply::Answer(service.handle(request).await.unwrap_or_else(|exception| refused(&exception)))
            }
        })
        .await?;
        Ok(Self { server })
    }

    /// The endpoint for clients.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }
}

impl Service {
    async fn handle(&self, request: http::Request<Incoming>) -> Result<Response<ResponseBody>, Exception> {
        let (head, body) = request.into_parts();
        let (method, path) = (&head.method, head.uri.path());
        let name = function_name(method, path).ok_or_else(|| {
            let message = format!("{method} {path} is not served here; only Invoke is");
            Exception::new(StatusCode::NOT_FOUND, "UnknownOperationException", message)
        })?;
        // One byte more than allowed is read, so that the caller has sent all of it when it gets the answer.
        let body = read(body, MAX_PAYLOAD_BYTES + 1).await;
        let body = body.ok_or_else(|| Exception::too_large(MAX_PAYLOAD_BYTES))?;
        let pool = self.functions.iter().find(|pool| pool.options().name == name).ok_or_else(|| {
            let message =
                format!("Function not found: arn:aws:lambda:{}:{ACCOUNT}:function:{name}", self.region);
            Exception::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
        })?;
        self.invoke(pool, Invoke::parse(&head.headers, body)?).await
    }

    async fn invoke(&self, pool: &Pool, invoke: Invoke) -> Result<Response<ResponseBody>, Exception> {
        match invoke.kind {
            InvocationType::DryRun => Ok(Reply::full(StatusCode::NO_CONTENT, "")),
            InvocationType::Event => {
                let (pool, policy) = (pool.clone(), self.policy.clone());
                tokio::spawn(asynchronous::run(pool, policy, invoke.payload, invoke.client_context));
                Ok(Reply::full(StatusCode::ACCEPTED, ""))
            }
            InvocationType::RequestResponse => {
                let invocation = pool.invoke(invoke.payload, invoke.client_context).await;
                let invocation = invocation.map_err(|_| {
                    let status = StatusCode::TOO_MANY_REQUESTS;
                    Exception::new(status, "TooManyRequestsException", "Rate Exceeded.")
                })?;
                Ok(answer(pool, &invocation, invoke.includes_log_tail))
            }
        }
    }
}

/// Lambda API, `Invoke`: 200 even if the function failed, with `X-Amz-Function-Error`.
fn answer(pool: &Pool, invocation: &Invocation, includes_log_tail: bool) -> Response<ResponseBody> {
    let (body, has_failed) = match invocation.result() {
        Ok(body) => (body.clone(), false),
        Err(error) => (error, true),
    };
    let mut response = Reply::full(StatusCode::OK, body);
    let mut set = |name: &'static str, value: String| {
        let value = HeaderValue::try_from(value).expect("ids and base64 are ASCII");
        response.headers_mut().insert(HeaderName::from_static(name), value);
    };
    set("content-type", "application/json".to_owned());
    set("x-amz-executed-version", "$LATEST".to_owned());
    set("x-amzn-requestid", invocation.request_id.clone());
    if has_failed {
        set("x-amz-function-error", "Unhandled".to_owned());
    }
    if includes_log_tail {
        set("x-amz-log-result", STANDARD.encode(log_tail(invocation, pool.options().memory_mb)));
    }
    response
}

fn refused(exception: &Exception) -> Response<ResponseBody> {
    let mut body = json!({ "Type": "User", "message": exception.message });
    if exception.status == StatusCode::TOO_MANY_REQUESTS {
        body["Reason"] = "ReservedFunctionConcurrentInvocationLimitExceeded".into();
    }
    let mut response = json_response(exception.status, &body);
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(exception.name));
    response
}

/// The log between the lines that Lambda adds in its text format, truncated to its end.
fn log_tail(invocation: &Invocation, memory_mb: u32) -> String {
    let id = &invocation.request_id;
    let mut log = format!("START RequestId: {id} Version: $LATEST\n");
    for line in &invocation.logs {
        log.push_str(line);
        log.push('\n');
    }
    let _ = writeln!(log, "END RequestId: {id}\n{}", report_line(invocation, memory_mb));
    let surplus = log.len().saturating_sub(LOG_TAIL_BYTES);
    let from = (surplus..=log.len()).find(|at| log.is_char_boundary(*at)).unwrap_or_default();
    log.split_off(from)
}

/// The last line of an invocation in the log ("View CloudWatch Logs for Lambda functions", "REPORT").
fn report_line(invocation: &Invocation, memory_mb: u32) -> String {
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    let mut line = format!(
        "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {memory_mb} MB",
        invocation.request_id,
        millis(invocation.duration),
        invocation.billed_ms(),
    );
    if let Some(kb) = invocation.max_rss_kb {
        let _ = write!(line, "\tMax Memory Used: {} MB", kb.div_ceil(1_024));
    }
    if let Some(init) = invocation.init {
        let _ = write!(line, "\tInit Duration: {:.2} ms", millis(init));
    }
    line
}
