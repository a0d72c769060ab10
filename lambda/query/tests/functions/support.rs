//! The functions in process, configured as on Lambda.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws::{Answer, Client, World};
use aws_credential_types::Credentials;
use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt as _;
use query::{Config, Handler, Invocation, JsonReply};
use serde_json::Value;

use crate::scripted::ScriptedServer;

/// 2023-11-14T22:13:20Z
pub(crate) const NOW_S: u64 = 1_700_000_000;

pub(crate) const TOKEN: &str = "a-session-token-that-no-one-may-see";

/// The clock stands still, and every backoff is half of its maximum: 25 ms, 50 ms, …
const WORLD: World = World { now: fixed_now, random: || 0.5 };

pub(crate) fn fixed_now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW_S)
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "secret/with+signs", Some(TOKEN.to_owned()), None, "test")
}

/// The binary: the artifact in `QUERY_BINARY`, or else the one built for tests.
#[expect(clippy::disallowed_methods, reason = "the I/O boundary of the test")]
pub(crate) fn binary() -> PathBuf {
    std::env::var("QUERY_BINARY").map_or_else(|_| env!("CARGO_BIN_EXE_query").into(), PathBuf::from)
}

/// A function in `eu-west-1`.
#[derive(Debug)]
pub(crate) struct Function {
    handler: Handler,
    time: Duration,
}

impl Function {
    /// A function with this handler name and these environment variables.
    pub(crate) fn new(handler: &str, variables: &[(&str, &str)]) -> Self {
        let find = |name: &str| match name {
            "_HANDLER" => Some(handler.to_owned()),
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            name => variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()),
        };
        let config = Config::from_lookup(find).expect("a configuration");
        let handler = Handler::new(config, Client::with_credentials(credentials(), WORLD));
        Self { handler, time: Duration::from_secs(30) }
    }

    /// A function whose workspace is `server`.
    pub(crate) fn of(handler: &str, server: &ScriptedServer) -> Self {
        Self::new(handler, &[("WORKSPACE_URL", &server.url())])
    }

    pub(crate) fn time(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    pub(crate) async fn invoke(&self, payload: Value) -> Value {
        self.invoke_as(None, payload).await
    }

    /// Invokes the function as an agent gateway does.
    pub(crate) async fn invoke_tool(&self, tool: &str, payload: Value) -> Value {
        self.invoke_as(Some(tool), payload).await
    }

    /// Invokes the function for an answer that is a stream, and reads it to its end.
    pub(crate) async fn stream(&self, payload: Value) -> Response<Bytes> {
        match self.answer(None, payload).await {
            Answer::Json(reply) => panic!("no stream: {reply:?}"),
            Answer::Http(response) => {
                let (head, body) = response.into_parts();
                Response::from_parts(head, body.collect().await.expect("an end").to_bytes())
            }
        }
    }

    async fn invoke_as(&self, tool: Option<&str>, payload: Value) -> Value {
        match self.answer(tool, payload).await {
            Answer::Json(reply) => serde_json::to_value(reply).expect("JSON"),
            Answer::Http(response) => panic!("a stream: {response:?}"),
        }
    }

    async fn answer(&self, tool: Option<&str>, payload: Value) -> Answer<JsonReply> {
        let payload = payload.to_string();
        let invocation = Invocation { payload: payload.as_bytes(), tool, now: fixed_now(), time: self.time };
        self.handler.handle(invocation).await.into_answer()
    }
}

/// The data of a successful response.
pub(crate) fn data(response: &Value) -> &Value {
    let outcome = (&response["statusCode"], &response["body"]["success"]);
    assert_eq!(outcome, (&200.into(), &true.into()), "{response}");
    &response["body"]["data"]
}

/// Status and message of an error response.
pub(crate) fn error(response: &Value) -> (u64, &str) {
    let body = &response["body"];
    assert_eq!(body["success"], false, "{response}");
    assert!(body.get("data").is_none(), "{response}");
    (response["statusCode"].as_u64().expect("a status"), body["error"].as_str().expect("a string"))
}
