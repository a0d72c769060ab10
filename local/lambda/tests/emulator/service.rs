//! A Lambda service with one obedient function, and a plain HTTP client for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_lambda::runtime::FunctionOptions;
use local_lambda::service::{AsyncPolicy, LambdaApi, Pool};
use serde_json::Value;

use crate::support::obedient;

/// The service under test.
pub(crate) struct Service {
    pub(crate) pool: Pool,
    pub(crate) api: LambdaApi,
}

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    /// Type and message of the function's error.
    pub(crate) fn function_error(&self) -> (String, String) {
        assert_eq!((self.status, self.header("x-amz-function-error")), (200, Some("Unhandled")), "{self:?}");
        let error = self.json();
        let field = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (field("errorType"), field("errorMessage"))
    }

    pub(crate) fn log_tail(&self) -> String {
        let tail = STANDARD.decode(self.header("x-amz-log-result").expect("a log tail")).expect("base64");
        String::from_utf8(tail).expect("UTF-8")
    }
}

pub(crate) async fn service() -> Service {
    service_of(obedient(), 10, AsyncPolicy::default()).await
}

pub(crate) async fn service_of(options: FunctionOptions, limit: u32, policy: AsyncPolicy) -> Service {
    let pool = Pool::new(options, limit, |_| ());
    let api = LambdaApi::start(0, "eu-west-1", vec![pool.clone()], policy).await.expect("a free port");
    Service { pool, api }
}

impl Service {
    pub(crate) async fn invoke(&self, payload: &str, headers: &[(&str, &str)]) -> Answer {
        self.post(&self.pool.options().name, payload.to_owned(), headers).await
    }

    pub(crate) async fn post(&self, function: &str, payload: String, headers: &[(&str, &str)]) -> Answer {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = format!("{}/2015-03-31/functions/{function}/invocations", self.api.endpoint());
        let mut request = reqwest::Client::new().post(url).body(payload);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the API answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.expect("text") }
    }
}
