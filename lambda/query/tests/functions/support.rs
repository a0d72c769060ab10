//! The functions in process, configured as on Lambda.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws::{Client, World};
use aws_credential_types::Credentials;
use query::config::Config;
use query::handler::{Invocation, Queries};
use serde_json::Value;

use crate::scripted::Server;

/// 2023-11-14T22:13:20Z
pub(crate) const NOW_S: u64 = 1_700_000_000;

pub(crate) const TOKEN: &str = "a-session-token-that-no-one-may-see";

/// Time of day stands still, and every backoff is half of its longest: 25 ms, 50 ms, …
const WORLD: World = World { now: fixed_now, random: || 0.5 };

pub(crate) fn fixed_now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW_S)
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "secret/with+signs", Some(TOKEN.to_owned()), None, "test")
}

/// The binary: `QUERY_BINARY`, which is to be the artifact, or else the one that is built for tests.
#[expect(clippy::disallowed_methods, reason = "the edge of the test")]
pub(crate) fn binary() -> PathBuf {
    std::env::var("QUERY_BINARY").map_or_else(|_| env!("CARGO_BIN_EXE_query").into(), PathBuf::from)
}

/// One function.
#[derive(Debug)]
pub(crate) struct Function {
    queries: Queries,
    time: Duration,
}

impl Function {
    /// A function with this handler and these environment variables, in `eu-west-1`.
    pub(crate) fn new(handler: &str, variables: &[(&str, &str)]) -> Self {
        let find = |name: &str| match name {
            "_HANDLER" => Some(handler.to_owned()),
            "AWS_REGION" => Some("eu-west-1".to_owned()),
            name => variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()),
        };
        let config = Config::from_lookup(find).expect("a configuration");
        let queries = Queries::new(config, Client::with_credentials(credentials(), WORLD));
        Self { queries, time: Duration::from_secs(30) }
    }

    /// A function that asks `server`.
    pub(crate) fn of(handler: &str, server: &Server) -> Self {
        Self::new(handler, &[("WORKSPACE_URL", server.url())])
    }

    pub(crate) fn time(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    pub(crate) async fn ask(&self, payload: Value) -> Value {
        self.ask_as(None, payload).await
    }

    /// Asks as an agent gateway does.
    pub(crate) async fn ask_tool(&self, tool: &str, payload: Value) -> Value {
        self.ask_as(Some(tool), payload).await
    }

    async fn ask_as(&self, tool: Option<&str>, payload: Value) -> Value {
        self.ask_bytes(tool, payload.to_string().as_bytes()).await
    }

    /// Asks with a payload that may be anything.
    pub(crate) async fn ask_bytes(&self, tool: Option<&str>, payload: &[u8]) -> Value {
        let invocation = Invocation { payload, tool, now: fixed_now(), time: self.time };
        let answer = self.queries.handle(invocation).await;
        serde_json::to_value(answer).expect("JSON")
    }
}

/// The data of an answer that has to be one.
pub(crate) fn data(answer: &Value) -> &Value {
    assert_eq!((&answer["statusCode"], &answer["body"]["success"]), (&200.into(), &true.into()), "{answer}");
    &answer["body"]["data"]
}

/// Status and error of an answer that has to be one.
pub(crate) fn error(answer: &Value) -> (u64, &str) {
    assert_eq!(answer["body"]["success"], false, "{answer}");
    assert!(answer["body"].get("data").is_none(), "{answer}");
    (answer["statusCode"].as_u64().expect("a status"), answer["body"]["error"].as_str().expect("a text"))
}
