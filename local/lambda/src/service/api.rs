//! The HTTP side of the Lambda service: `POST /2015-03-31/functions/<name>/invocations`.
//!
//! Signatures are not verified. The answers are those of the Lambda API reference, `Invoke`.

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::json;

use super::answer::{FunctionError, log_tail};
use super::asynchronous::{self, AsyncPolicy};
use super::pool::{ConcurrencyExceeded, Pool};
use super::request::{Exception, InvocationType, Invoke, function_name};
use crate::runtime::{Invocation, MAX_PAYLOAD_BYTES};
use local_testing::ACCOUNT;
use local_testing::http_server::{HttpServer, Reply, ResponseBody};

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
            async move { service.handle(request).await }
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
    async fn handle(&self, request: http::Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        let Some(name) = function_name(&head.method, head.uri.path()) else {
            let message = format!("{} {} is not served here; only Invoke is", head.method, head.uri.path());
            return Reply::Answer(refused(&Exception::new(
                StatusCode::NOT_FOUND,
                "UnknownOperationException",
                message,
            )));
        };
        // One byte more than allowed is read, to detect a body that is too large.
        let body = match Limited::new(body, MAX_PAYLOAD_BYTES + 1).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Reply::Answer(refused(&Exception::too_large(MAX_PAYLOAD_BYTES)));
            }
            Err(_) => return Reply::Close,
        };
        let answer = match self.function(&name) {
            Ok(pool) => match Invoke::parse(&head.headers, body) {
                Ok(invoke) => self.invoke(pool, invoke).await,
                Err(exception) => Err(exception),
            },
            Err(exception) => Err(exception),
        };
        Reply::Answer(answer.unwrap_or_else(|exception| refused(&exception)))
    }

    fn function(&self, name: &str) -> Result<&Pool, Exception> {
        self.functions.iter().find(|pool| pool.options().name == name).ok_or_else(|| {
            let message =
                format!("Function not found: arn:aws:lambda:{}:{ACCOUNT}:function:{name}", self.region);
            Exception::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
        })
    }

    async fn invoke(&self, pool: &Pool, invoke: Invoke) -> Result<Response<ResponseBody>, Exception> {
        match invoke.kind {
            InvocationType::DryRun => Ok(empty(StatusCode::NO_CONTENT)),
            InvocationType::Event => {
                let (pool, policy) = (pool.clone(), self.policy.clone());
                tokio::spawn(asynchronous::run(pool, policy, invoke.payload, invoke.client_context));
                Ok(empty(StatusCode::ACCEPTED))
            }
            InvocationType::RequestResponse => {
                let invocation =
                    pool.invoke(invoke.payload, invoke.client_context).await.map_err(throttled)?;
                Ok(answer(pool, &invocation, invoke.includes_log_tail))
            }
        }
    }
}

/// Lambda API, `Invoke`: 200 even if the function failed, with `X-Amz-Function-Error`.
fn answer(pool: &Pool, invocation: &Invocation, includes_log_tail: bool) -> Response<ResponseBody> {
    let error = FunctionError::of(invocation, pool.options().timeout);
    let body = match (&error, invocation.response()) {
        (Some(error), _) => error.payload.clone(),
        (None, response) => response.cloned().unwrap_or_default(),
    };
    let mut response = Reply::full(StatusCode::OK, body);
    let mut set = |name: &'static str, value: String| {
        let value = HeaderValue::try_from(value).expect("ids and base64 are ASCII");
        response.headers_mut().insert(HeaderName::from_static(name), value);
    };
    set("content-type", "application/json".to_owned());
    set("x-amz-executed-version", "$LATEST".to_owned());
    set("x-amzn-requestid", invocation.request_id.clone());
    if error.is_some() {
        set("x-amz-function-error", "Unhandled".to_owned());
    }
    if includes_log_tail {
        set("x-amz-log-result", STANDARD.encode(log_tail(invocation, pool.options().memory_mb)));
    }
    response
}

/// Lambda API, `TooManyRequestsException`.
fn throttled(_: ConcurrencyExceeded) -> Exception {
    Exception::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "Rate Exceeded.")
}

fn empty(status: StatusCode) -> Response<ResponseBody> {
    Reply::full(status, Bytes::new())
}

fn refused(exception: &Exception) -> Response<ResponseBody> {
    let mut body = json!({ "Type": "User", "message": exception.message });
    if exception.status == StatusCode::TOO_MANY_REQUESTS {
        body["Reason"] = "ReservedFunctionConcurrentInvocationLimitExceeded".into();
    }
    let mut response = Reply::full(exception.status, body.to_string());
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("x-amzn-errortype", HeaderValue::from_static(exception.name));
    response
}
