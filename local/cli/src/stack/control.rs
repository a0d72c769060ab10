//! The control API of the stack, which causes faults and returns counts.
//!
//! `PUT /faults` (one fault a line), `PUT /amp` (`down` or `up`), `GET /functions`, `GET /figures`; the answers are JSON.
//! AWS has nothing like it, so it has its own port.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

use super::Parts;
use local_amp::Fault;
use local_lambda::service::Pool;
use local_testing::http_server::{HttpServer, Reply, ResponseBody};

const MAX_BODY_BYTES: usize = 64 * 1_024;

/// The running API; it stops when it is dropped.
#[derive(Debug)]
pub(super) struct Control {
    server: HttpServer,
}

impl Control {
    pub(super) async fn start(port: u16, parts: Arc<Parts>) -> io::Result<Self> {
        let server = HttpServer::start(port, move |request, _connection| {
            let parts = Arc::clone(&parts);
            async move {
                let answer = answer(&parts, request).await;
                let (status, body) = answer.map_or_else(
                    |(status, text)| (status, json!({ "error": text })),
                    |value| (StatusCode::OK, value),
                );
                Reply::Answer(json_response(status, &body))
            }
        })
        .await?;
        Ok(Self { server })
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }
}

/// The status and text of an error.
type Refusal = (StatusCode, String);

fn bad_request(error: &impl ToString) -> Refusal {
    (StatusCode::BAD_REQUEST, error.to_string())
}

fn internal(error: &impl ToString) -> Refusal {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

async fn answer(parts: &Parts, request: http::Request<Incoming>) -> Result<Value, Refusal> {
    let (head, body) = request.into_parts();
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/figures") => Ok(parts.figures().await.map_err(|error| internal(&error))?.to_json()),
        (&Method::GET, "/functions") => Ok(functions(parts)),
        (&Method::PUT, "/faults") => {
            let faults = faults(&read(body).await?)?;
            let count = faults.len();
            parts.workspace.amp.set_faults(faults);
            Ok(json!({ "faults": count }))
        }
        (&Method::PUT, "/amp") => match read(body).await?.trim() {
            "down" => {
                parts.workspace.amp.go_down();
                Ok(json!({ "amp": "down" }))
            }
            "up" => {
                parts.workspace.amp.come_back().await.map_err(|error| internal(&error))?;
                Ok(json!({ "amp": "up" }))
            }
            other => Err(bad_request(&format!("{other:?} is neither \"down\" nor \"up\""))),
        },
        _ => {
            let text = "there are GET /figures, GET /functions, PUT /faults and PUT /amp";
            Err((StatusCode::NOT_FOUND, text.to_owned()))
        }
    }
}

async fn read(body: Incoming) -> Result<String, Refusal> {
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
    let body = body.map_err(|error| bad_request(&error))?.to_bytes();
    String::from_utf8(body.into()).map_err(|error| bad_request(&error))
}

/// One fault a line; an empty text removes all faults.
fn faults(text: &str) -> Result<Vec<Fault>, Refusal> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let faults: Result<Vec<Fault>, _> = lines.map(str::parse).collect();
    faults.map_err(|error| bad_request(&error))
}

fn functions(parts: &Parts) -> Value {
    parts
        .functions
        .all()
        .map(|pool| (pool.options().name.clone(), function(pool)))
        .collect::<Map<_, _>>()
        .into()
}

fn function(pool: &Pool) -> Value {
    let environments = pool.environments();
    let running = environments.iter().filter_map(|e| Some(json!({ "pid": e.pid?, "busy": e.is_busy })));
    let counts = pool.counts();
    json!({
        "processes": running.collect::<Vec<_>>(),
        "invocations": counts.invocations,
        "errors": counts.errors,
        "throttles": counts.throttles,
    })
}

fn json_response(status: StatusCode, body: &Value) -> Response<ResponseBody> {
    let mut response = Reply::full(status, Bytes::from(format!("{body}\n")));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}
