//! The loop of invocations against a scripted runtime API.

mod support;

use std::collections::VecDeque;
use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws::lambda_api::ApiError;
use aws::runtime::serve;
use aws::runtime_api::RuntimeApi;
use aws::{Answer, Diagnostic, Invocation};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::sync::mpsc;

use support::{Received as Post, Reply};

/// The deadline of every scripted invocation that has one.
const DEADLINE_MS: u64 = 1_700_000_030_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

struct Server {
    api: RuntimeApi,
    posts: mpsc::UnboundedReceiver<Post>,
}

impl Server {
    /// Replies to `GET`s in this order, after which they hang, and to `POST`s, after which they are accepted.
    async fn start(gets: Vec<Reply>, posts: Vec<Reply>) -> Self {
        let (mut gets, mut replies) = (VecDeque::from(gets), VecDeque::from(posts));
        let (sender, posts) = mpsc::unbounded_channel();
        let address = support::serve(move |request: Post| {
            if request.head.starts_with("GET ") {
                let path = &request.path;
                assert!(path.starts_with("/2018-06-01/runtime/") && path.ends_with("/next"), "{path}");
                return gets.pop_front().unwrap_or(Reply::Hang);
            }
            let _ = sender.send(request);
            replies.pop_front().unwrap_or_else(|| Reply::Bytes(status(202)))
        });
        Self { api: RuntimeApi::new(&address.await).expect("an address"), posts }
    }

    /// Serves until this number of `POST`s has arrived.
    async fn run(
        mut self,
        handler: impl AsyncFn(Invocation) -> Result<Answer<String>, Diagnostic>,
        count: usize,
    ) -> Vec<Post> {
        let mut posts = Vec::new();
        let mut serving = pin!(serve(&self.api, now, &handler));
        while posts.len() < count {
            tokio::select! {
                ended = &mut serving => panic!("{ended:?} after {posts:?}"),
                post = self.posts.recv() => posts.push(post.expect("the server runs")),
            }
        }
        posts
    }
}

fn status(status: u16) -> Vec<u8> {
    format!("HTTP/1.1 {status} Status\r\ncontent-length: 2\r\n\r\n{{}}").into_bytes()
}

/// An invocation with these headers instead of the usual deadline.
fn with_headers(id: &str, headers: &[u8], payload: &[u8]) -> Reply {
    let head = format!(
        "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: {id}\r\ncontent-length: {}\r\n",
        payload.len()
    );
    Reply::Bytes([head.as_bytes(), headers, b"\r\n", payload].concat())
}

fn invocation(id: &str) -> Reply {
    with_headers(id, format!("lambda-runtime-deadline-ms: {DEADLINE_MS}\r\n").as_bytes(), b"{}")
}

async fn echo(invocation: Invocation) -> Result<Answer<String>, Diagnostic> {
    Ok(Answer::Json(String::from_utf8_lossy(&invocation.payload).into_owned()))
}

fn paths(posts: &[Post]) -> Vec<&str> {
    posts.iter().map(|post| post.path.trim_start_matches("/2018-06-01/runtime/invocation/")).collect()
}

#[tokio::test]
async fn answers_and_errors_have_the_documented_form() {
    let guard = b"lambda-runtime-invocation-id: g\xfc-1\r\n";
    let script = vec![with_headers("a", guard, b"x"), with_headers("b", guard, b"")];
    let handler = async |invocation: Invocation| match &invocation.payload[..] {
        b"x" => Ok(Answer::Json("text".to_owned())),
        _ => Err(Diagnostic { error_type: "Kind".to_owned(), error_message: "why \"so\"".to_owned() }),
    };
    let posts = Server::start(script, Vec::new()).await.run(handler, 2).await;
    assert_eq!(paths(&posts), ["a/response", "b/error"]);
    assert_eq!(posts[0].body, r#""text""#);
    assert_eq!(posts[1].body, r#"{"errorType":"Kind","errorMessage":"why \"so\""}"#);
    assert!(posts[1].head.contains("\r\nlambda-runtime-function-error-type: unhandled\r\n"));
    for post in &posts {
        assert!(post.head.contains("\r\nlambda-runtime-invocation-id: g\u{fffd}-1\r\n"), "{}", post.head);
        assert!(post.head.contains("\r\nuser-agent: aws-lambda-rust/"), "{}", post.head);
    }
}

/// "Building a custom runtime for AWS Lambda", "Response streaming".
#[tokio::test]
async fn a_streamed_answer_has_the_documented_form() {
    let script = vec![invocation("a"), invocation("b")];
    let handler = async |invocation: Invocation| {
        let error = (invocation.request_id == "b").then(|| Err("it broke".into()));
        let chunks = stream::iter([Ok(Frame::data(Bytes::from_static(b"one")))].into_iter().chain(error));
        let mut response = Response::new(StreamBody::new(chunks).boxed_unsync());
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        response.headers_mut().insert("vary", HeaderValue::from_static("Accept-Encoding"));
        Ok(Answer::Http(response))
    };
    let posts = Server::start(script, Vec::new()).await.run(handler, 2).await;
    assert_eq!(paths(&posts), ["a/response", "b/response"]);
    for post in &posts {
        for header in [
            "lambda-runtime-function-response-mode: streaming",
            "content-type: application/vnd.awslambda.http-integration-response",
            "trailer: lambda-runtime-function-error-type, lambda-runtime-function-error-body",
        ] {
            assert!(post.head.contains(&format!("\r\n{header}\r\n")), "{}", post.head);
        }
    }
    let head = r#"{"headers":{"vary":"Accept-Encoding"},"statusCode":418}"#;
    let whole = format!("{:X}\r\n{head}\0\0\0\0\0\0\0\0\r\n3\r\none\r\n0\r\n", head.len() + 8);
    assert_eq!(posts[0].body, format!("{whole}\r\n"));
    // {"errorType":"IncompleteResponse","errorMessage":"it broke"}
    let report = "eyJlcnJvclR5cGUiOiJJbmNvbXBsZXRlUmVzcG9uc2UiLCJlcnJvck1lc3NhZ2UiOiJpdCBicm9rZSJ9";
    let trailers = posts[1].body.strip_prefix(&whole).expect("the same before the trailers");
    let mut trailers: Vec<_> = trailers.trim_end().split("\r\n").collect();
    trailers.sort_unstable();
    assert_eq!(
        trailers,
        [
            &*format!("lambda-runtime-function-error-body: {report}"),
            "lambda-runtime-function-error-type: IncompleteResponse",
        ]
    );
}

#[tokio::test]
async fn a_handler_receives_unchanged_bytes() {
    let headers = b"lambda-runtime-deadline-ms: 1700000001500\r\nlambda-runtime-client-context: \xff{\r\n";
    let script = vec![with_headers("a", headers, b"\xff\xfe"), invocation("b")];
    let handler = async |event: Invocation| {
        let time = event.deadline.duration_since(now()).expect("a later time");
        let context = event.client_context.map(|context| context.as_bytes().to_vec());
        Ok(Answer::Json(format!("{:?} {time:?} {context:?}", &event.payload[..])))
    };
    let posts = Server::start(script, Vec::new()).await.run(handler, 2).await;
    assert_eq!(posts[0].body, r#""[255, 254] 1.5s Some([255, 123])""#);
    assert_eq!(posts[1].body, r#""[123, 125] 30s None""#);
}

/// Lambda passes on the bytes of the caller, whether HTTP allows them or not.
#[tokio::test]
async fn any_client_context_is_accepted() {
    let invalid = (1..=0x7f_u8).filter(|byte| byte.is_ascii_control() && !b"\t\n\r".contains(byte));
    let mut script = Vec::new();
    for (at, context) in invalid.map(|byte| vec![byte]).chain([vec![b'a'; 500_000]]).enumerate() {
        let deadline = b"\r\nlambda-runtime-deadline-ms: 1700000001500\r\n";
        let headers = [b"lambda-runtime-client-context: {\"a\":\"", &context[..], b"\"}", deadline].concat();
        script.push(with_headers(&at.to_string(), &headers, b"{}"));
    }
    let handler = async |event: Invocation| {
        let time = event.deadline.duration_since(now()).expect("a later time");
        Ok(Answer::Json(format!("{time:?} {:?}", event.client_context.map(|context| context.len()))))
    };
    let count = script.len();
    let posts = Server::start(script, Vec::new()).await.run(handler, count).await;
    for (at, post) in posts.iter().enumerate() {
        assert!(post.path.ends_with(&format!("/{at}/response")), "{}", post.path);
        let context = if at == count - 1 { "Some(500008)" } else { "None" };
        assert_eq!(post.body, format!("\"1.5s {context}\""));
    }
}

/// Without a valid deadline, the default timeout of Lambda applies.
#[tokio::test]
async fn an_invocation_without_a_deadline_is_handled() {
    let script = ["", "lambda-runtime-deadline-ms: soon\r\n", "lambda-runtime-deadline-ms: -1\r\n"]
        .map(|header| with_headers("a", header.as_bytes(), b"{}"));
    let handler = async |event: Invocation| {
        Ok(Answer::Json(format!("{:?}", event.deadline.duration_since(now()).expect("later"))))
    };
    for post in Server::start(script.into(), Vec::new()).await.run(handler, 3).await {
        assert_eq!(post.body, r#""3s""#);
    }
}

#[tokio::test]
async fn a_panic_is_an_error_of_its_own_invocation() {
    let script = vec![with_headers("a", b"", b"panic"), with_headers("b", b"", b"fine")];
    let handler = async |event: Invocation| {
        assert_ne!(&event.payload[..], b"panic", "a panic of the test");
        echo(event).await
    };
    let posts = Server::start(script, Vec::new()).await.run(handler, 2).await;
    assert_eq!(paths(&posts), ["a/error", "b/response"]);
    assert!(posts[0].body.starts_with(r#"{"errorType":"Panic","errorMessage":"the function panicked: "#));
    assert!(posts[0].body.contains("a panic of the test"), "{}", posts[0].body);
}

/// `lambda_runtime` 1.5 ends the process at each of these.
#[tokio::test]
async fn a_temporary_failure_does_not_end_the_loop() {
    let no_id = b"HTTP/1.1 200 OK\r\nlambda-runtime-deadline-ms: 1\r\ncontent-length: 2\r\n\r\n{}";
    let odd_id = b"HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: \xff\r\ncontent-length: 2\r\n\r\n{}";
    let cut_short = b"HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: c\r\ncontent-length: 2\r\n\r\n";
    let mut script = Vec::new();
    for (at, failure) in [
        Reply::Close,
        Reply::Bytes(status(500)),
        Reply::Bytes(status(503)),
        Reply::Bytes(no_id.to_vec()),
        Reply::Bytes(odd_id.to_vec()),
        Reply::Bytes(b"not HTTP\r\n\r\n".to_vec()),
        Reply::BytesAndClose(cut_short.to_vec()),
    ]
    .into_iter()
    .enumerate()
    {
        script.extend([failure, invocation(&format!("after-{at}"))]);
    }
    let posts = Server::start(script, Vec::new()).await.run(echo, 7).await;
    assert!(posts.iter().all(|post| post.path.ends_with("/response")), "{posts:?}");
}

#[tokio::test]
async fn an_answer_is_posted_again_after_a_failure() {
    let posts = vec![Reply::Close, Reply::Bytes(status(500))];
    let posts = Server::start(vec![invocation("a"), invocation("b")], posts).await.run(echo, 4).await;
    assert_eq!(paths(&posts), ["a/response", "a/response", "a/response", "b/response"]);
}

#[tokio::test]
async fn a_rejected_answer_is_not_posted_again() {
    for refusal in [400, 403, 410, 413] {
        let posts = vec![Reply::Bytes(status(refusal))];
        let posts = Server::start(vec![invocation("a"), invocation("b")], posts).await.run(echo, 2).await;
        assert_eq!(paths(&posts), ["a/response", "b/response"], "{refusal}");
    }
}

/// Runtime API, "Next invocation": the runtime ends after lasting 403 and 500 responses.
#[tokio::test]
async fn a_lasting_failure_ends_the_loop() {
    let server = Server::start((0..4).map(|_| Reply::Bytes(status(500))).collect(), Vec::new()).await;
    let error = serve(&server.api, now, &echo).await.expect_err("no invocation");
    assert!(matches!(&error, ApiError::Refused { status, .. } if status.as_u16() == 500), "{error}");

    let server = Server::start(vec![Reply::Bytes(status(403))], Vec::new()).await;
    let error = serve(&server.api, now, &echo).await.expect_err("no invocation");
    assert!(matches!(&error, ApiError::Refused { status, .. } if status.as_u16() == 403), "{error}");
}

/// Runtime API, "restore/next": the answer comes when the snapshot is restored.
#[tokio::test]
async fn a_restore_is_awaited() {
    let script = vec![Reply::Close, Reply::Bytes(status(200)), Reply::Bytes(status(403))];
    let server = Server::start(script, Vec::new()).await;
    assert!(server.api.wait_for_restore().await.is_ok());
    assert!(matches!(server.api.wait_for_restore().await, Err(ApiError::Refused { .. })));
}

#[test]
fn an_address_is_a_host_and_a_port_or_a_url() {
    for address in ["127.0.0.1:9001", "localhost:9001", "http://127.0.0.1:9000/.rt"] {
        assert!(RuntimeApi::new(address).is_ok(), "{address}");
    }
    for address in ["", "/", "a b"] {
        assert!(matches!(RuntimeApi::new(address), Err(ApiError::Address(_))), "{address}");
    }
}
