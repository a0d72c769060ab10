//! Credentials of the standard AWS chain, cached until shortly before they expire.
//!
//! On Lambda the chain ends at its first link, the environment. The chain is built when credentials are first needed, so
//! it costs nothing in a function that signs nothing.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::region::Region;
use bytes::Bytes;
use tokio::sync::{Mutex, watch};

use crate::response::explain;

/// The remaining lifetime at which credentials are fetched again: a request must still be valid when it arrives, after its
/// retries.
const EXPIRY_MARGIN: Duration = Duration::from_mins(1);

/// Credentials from a provider, cached while they are valid.
#[derive(Debug)]
pub(crate) struct CredentialsCache {
    source: Source,
    state: Mutex<State>,
    /// The host of the chain's last request.
    last_host: watch::Sender<String>,
}

#[derive(Debug)]
enum Source {
    Given(SharedCredentialsProvider),
    /// The standard chain, signing its own requests for this region.
    Standard {
        http: reqwest::Client,
        region: Option<String>,
    },
}

#[derive(Debug, Default)]
struct State {
    provider: Option<SharedCredentialsProvider>,
    credentials: Option<Credentials>,
}

impl CredentialsCache {
    /// Takes credentials from `provider`.
    pub(crate) fn new(provider: impl ProvideCredentials + 'static) -> Self {
        Self::of(Source::Given(SharedCredentialsProvider::new(provider)))
    }

    /// Takes credentials from the standard chain: environment, profile, web identity, container, instance.
    pub(crate) fn standard(http: reqwest::Client, region: Option<String>) -> Self {
        Self::of(Source::Standard { http, region })
    }

    fn of(source: Source) -> Self {
        Self { source, state: Mutex::default(), last_host: watch::Sender::new("their provider".to_owned()) }
    }

    /// The host that credentials were last requested from.
    pub(crate) fn last_host(&self) -> String {
        self.last_host.borrow().clone()
    }

    /// Credentials that are valid at `now` and for a minute after it.
    ///
    /// # Errors
    /// The error of the chain when no link of it has credentials.
    pub(crate) async fn credentials(&self, now: SystemTime) -> Result<Credentials, String> {
        let mut state = self.state.lock().await;
        if let Some(credentials) = &state.credentials
            && credentials.expiry().is_none_or(|expiry| expiry > now + EXPIRY_MARGIN)
        {
            return Ok(credentials.clone());
        }
        if state.provider.is_none() {
            state.provider = Some(self.source.provider(&self.last_host).await);
        }
        let provider = state.provider.as_ref().expect("it was set above");
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| format!("no AWS credentials: {}", explain(&error)))?;
        state.credentials = Some(credentials.clone());
        Ok(credentials)
    }
}

impl Source {
    async fn provider(&self, last_host: &watch::Sender<String>) -> SharedCredentialsProvider {
        match self {
            Self::Given(provider) => provider.clone(),
            Self::Standard { http, region } => {
                let config = ProviderConfig::empty()
                    .with_http_client(ChainHttp { http: http.clone(), last_host: last_host.clone() })
                    .with_sleep_impl(TokioSleep::new());
                let chain = DefaultCredentialsChain::builder()
                    .configure(config)
                    .region(region.clone().map(Region::new))
                    .build()
                    .await;
                SharedCredentialsProvider::new(chain)
            }
        }
    }
}

/// The HTTP client of the chain, for the links that request credentials from a service.
#[derive(Clone)]
struct ChainHttp {
    http: reqwest::Client,
    last_host: watch::Sender<String>,
}

impl fmt::Debug for ChainHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChainHttp")
    }
}

impl HttpClient for ChainHttp {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for ChainHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let chain = self.clone();
        HttpConnectorFuture::new(async move { forward(&chain, request).await })
    }
}

async fn forward(chain: &ChainHttp, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let host = parts.uri.authority().map(ToString::to_string).unwrap_or_default();
    chain.last_host.send_replace(host.clone());
    let body = body.bytes().map(<[u8]>::to_vec).unwrap_or_default();
    let request = reqwest::Request::try_from(http::Request::from_parts(parts, body))
        .map_err(|error| ConnectorError::user(error.into()))?;
    let is_local = request.url().scheme() == "http";
    let response = chain.http.execute(request).await.map_err(|error| connector_error(&host, error))?;
    let mut answer = http::Response::builder().status(response.status());
    for (name, value) in response.headers() {
        answer = answer.header(name, value);
    }
    // The chain's errors contain the whole response, which may hold secrets if it comes from the container or the
    // instance. Those of STS only have an error message.
    let is_hidden = is_local && !response.status().is_success();
    let body = response.bytes().await.map_err(|error| connector_error(&host, error))?;
    let body = if is_hidden { Bytes::new() } else { body };
    let answer =
        answer.body(SdkBody::from(body)).map_err(|error| ConnectorError::other(error.into(), None))?;
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

/// With `host` and without the URL's path and query, which may hold a secret.
fn connector_error(host: &str, error: reqwest::Error) -> ConnectorError {
    let is_timeout = error.is_timeout();
    let reason = format!("{host}: {}", explain(&error.without_url())).into();
    if is_timeout { ConnectorError::timeout(reason) } else { ConnectorError::io(reason) }
}
