//! Recorded requests of real clients, replayed through every HTTP envelope: each sample arrives once, with the labels of its
//! path. What has to arrive is what a real Pushgateway shows after the same request.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_amp::{AmpOptions, AmpStandIn};
use local_lambda::http::{self, Kind};
use local_lambda::runtime::{Function, FunctionOptions};
use serde_json::Value;

use crate::exposition::{Labels, samples};
use crate::function_binary;
use crate::requests::Request;
use crate::server::{Pushgateway, program, send};

/// When the requests were recorded.
const RECEIVED_MS: i64 = 1_795_881_014_000;

/// The version whose recorded answers are compared.
const VERSION: &str = "1.11.2";

/// A recorded request.
#[derive(Debug)]
struct Recorded {
    request: Request,
    /// What the Pushgateway answered.
    status: u64,
}

/// All recorded requests whose bodies are whole.
fn recorded() -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let files = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let mut recorded = Vec::new();
    let is_of_pushes =
        |file: &Path| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("push-"));
    for file in files.filter(|file| is_of_pushes(file)) {
        let file: Value = serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("JSON");
        let requests = file["requests"].as_array().expect("requests");
        recorded.extend(requests.iter().filter_map(|request| read(&file["client"], request)));
    }
    recorded
}

fn read(client: &Value, recorded: &Value) -> Option<Recorded> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let body = STANDARD.decode(text(&recorded["body_base64"])).expect("base64");
    if recorded["body_bytes"] != body.len() {
        return None;
    }
    let headers = recorded["headers"].as_array().expect("headers").iter();
    Some(Recorded {
        request: Request {
            case: format!("{client} {}", recorded["case"]),
            method: text(&recorded["method"]),
            target: text(&recorded["target"]),
            headers: headers.map(|header| (text(&header[0]), text(&header[1]))).collect(),
            body,
            continues: false,
        },
        status: recorded["pushgateway_answers"][VERSION]["status"].as_u64().expect("a status"),
    })
}

/// The request for versions before 1.6, which do not know snappy, without the headers of the recorded connection.
fn for_the_real_one(request: &Request) -> Request {
    let mut request = request.clone();
    if request.headers.iter().any(|(name, value)| name == "Content-Encoding" && value == "snappy") {
        let mut body = Vec::new();
        snap::read::FrameDecoder::new(&*request.body).read_to_end(&mut body).expect("framed snappy");
        request.body = body;
        request.headers.retain(|(name, _)| name != "Content-Encoding");
    }
    let of_the_connection = ["host", "connection", "content-length", "transfer-encoding", "expect"];
    request.headers.retain(|(name, _)| !of_the_connection.contains(&&*name.to_lowercase()));
    request
}

/// What a real Pushgateway shows after a request.
async fn shown(pushgateway: &mut Pushgateway, request: &Request) -> BTreeMap<Labels, f64> {
    let answer = pushgateway.answer(&for_the_real_one(request)).await;
    assert_eq!(answer.status / 100, 2, "{}: {answer:?}", request.case);
    let scrape = Request::new("scrape", "GET", "/metrics").continuing();
    let text = send(&pushgateway.address, &scrape).await.expect("an answer").body;
    // Its own metrics have no job.
    samples(&text).into_iter().filter(|(labels, _)| labels.contains_key("job") && is_pushed(labels)).collect()
}

fn is_pushed(labels: &Labels) -> bool {
    let name = &labels["__name__"];
    !name.starts_with("push_") && !name.starts_with("native_seconds")
}

#[tokio::test]
async fn every_recorded_sample_arrives_once_from_each_envelope() {
    let mut pushgateway = Pushgateway::start(&program()).await;
    let options = AmpOptions { max_sample_age: None, max_ahead: None, ..AmpOptions::default() };
    let amp = AmpStandIn::start(options).await.expect("a free port");
    let function = FunctionOptions::new(function_binary())
        .env("REMOTE_WRITE_URL", amp.remote_write_url())
        .env("HTTP_AUTH", "none");
    let mut function = Function::spawn(function).await.expect("the function comes up");
    let accepted: Vec<_> = recorded().into_iter().filter(|recorded| recorded.status / 100 == 2).collect();
    assert!(accepted.len() > 40, "{}", accepted.len());
    for Recorded { request, .. } in accepted {
        let shown = if request.method == "DELETE" {
            BTreeMap::new()
        } else {
            shown(&mut pushgateway, &request).await
        };
        for kind in Kind::ALL {
            amp.reset();
            let invocation = function.invoke(kind.event(&event_request(&request)).to_string()).await;
            let answer =
                invocation.json().unwrap_or_else(|| panic!("{}: {:?}", request.case, invocation.outcome));
            if is_damaged(&request, kind) {
                assert_eq!((&answer["statusCode"], amp.sample_count()), (&Value::from(415), 0), "{answer}");
                continue;
            }
            assert_eq!(answer["statusCode"], 202, "{} {kind:?}: {answer}", request.case);
            let stored = amp.series();
            assert!(stored.values().all(|samples| samples.len() == 1), "{} {kind:?}", request.case);
            let stored: BTreeMap<Labels, f64> = stored
                .into_iter()
                .map(|(labels, samples)| (labels, *samples.values().next().expect("a sample")))
                .filter(|(labels, _)| is_pushed(labels))
                .collect();
            assert_eq!(stored, shown, "{} {kind:?}", request.case);
            // It shows no native histogram, and only protobuf has them.
            let has_native =
                request.body.windows(6).any(|part| part == b"native") && !request.body.contains(&b'#');
            assert_eq!(amp.histograms().len(), usize::from(has_native), "{} {kind:?}", request.case);
        }
    }
}

/// A Pushgateway divides the path at the encoded slash. An HTTP API decodes it before the gateway has it.
#[tokio::test]
async fn the_slash_of_prom_client_arrives_in_the_job() {
    let sent = recorded().into_iter().find(|recorded| recorded.request.target == "/metrics/job/batch%2Fetl");
    let Recorded { request, status } = sent.expect("a recorded request");
    assert_eq!(status, 400);
    let amp = AmpOptions { max_sample_age: None, max_ahead: None, ..AmpOptions::default() };
    let amp = AmpStandIn::start(amp).await.expect("a free port");
    let function = FunctionOptions::new(function_binary())
        .env("REMOTE_WRITE_URL", amp.remote_write_url())
        .env("HTTP_AUTH", "none");
    let mut function = Function::spawn(function).await.expect("the function comes up");
    for kind in Kind::ALL {
        amp.reset();
        let answer = function.invoke(kind.event(&event_request(&request)).to_string()).await.json();
        let answer = answer.expect("an answer");
        let expected = if kind == Kind::HttpApi { (400, 0) } else { (202, 1) };
        let stored =
            amp.samples_of(&[("__name__", "jobs_total"), ("job", "batch/etl"), ("kind", "größe")]).len();
        assert_eq!(
            (&answer["statusCode"], stored),
            (&Value::from(expected.0), expected.1),
            "{kind:?}: {answer}"
        );
    }
}

/// Whether the endpoint takes the compressed body for text, because of the type that the client sends.
fn is_damaged(request: &Request, kind: Kind) -> bool {
    let has = |name: &str, start: &str| {
        request
            .headers
            .iter()
            .any(|(other, value)| other.eq_ignore_ascii_case(name) && value.starts_with(start))
    };
    matches!(kind, Kind::FunctionUrl | Kind::HttpApi)
        && has("content-encoding", "")
        && has("content-type", "text/")
}

fn event_request(request: &Request) -> http::Request {
    let mut event =
        http::Request::new(&*request.method, &*request.target, RECEIVED_MS).body(request.body.clone());
    event.headers.clone_from(&request.headers);
    event
}
