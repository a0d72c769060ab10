//! A function that streams its response by AWS's own runtime crate, for tests of the emulator: the path of the request is
//! `/whole`, or a word for what follows the first chunk. `/gate` waits until the file in the variable `GATE` exists, `/exit` ends
//! the process.

use std::path::Path;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http::header::{CONTENT_TYPE, SET_COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use lambda_runtime::{Error, FunctionResponse, LambdaEvent, MetadataPrelude, StreamResponse, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let path = event.payload["rawPath"].as_str().unwrap_or_default().to_owned();
        if path == "/whole" {
            return Ok::<_, Error>(FunctionResponse::BufferedResponse(
                json!({"statusCode": 200, "body": "b"}),
            ));
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        headers.insert(SET_COOKIE, HeaderValue::from_static("ignored=1"));
        let metadata_prelude = MetadataPrelude {
            status_code: StatusCode::IM_A_TEAPOT,
            headers,
            cookies: vec!["c=1".to_owned(), "d=2".to_owned()],
        };
        let chunks = stream::iter([Ok("first ".to_owned())]).chain(stream::once(Box::pin(second(path))));
        Ok(FunctionResponse::StreamingResponse(StreamResponse { metadata_prelude, stream: chunks }))
    }))
    .await
}

async fn second(path: String) -> Result<String, Error> {
    match &*path {
        "/exit" => {
            // The first chunk has arrived by then.
            tokio::time::sleep(Duration::from_millis(300)).await;
            std::process::exit(7);
        }
        "/gate" => {
            let gate = gate();
            while !Path::new(&gate).exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        _ => {}
    }
    Ok("second".to_owned())
}

#[expect(clippy::disallowed_methods, reason = "this is a main program")]
fn gate() -> String {
    std::env::var("GATE").expect("the test sets it")
}
