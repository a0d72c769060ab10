//! Credentials of the standard AWS chain, cached until shortly before they expire.
//!
//! On Lambda the chain ends at its first link, the environment. The chain is built when credentials are first needed, so
//! it costs nothing in a function that signs nothing.

use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};
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
use tokio::time::timeout;

use crate::response::explain;

/// The remaining lifetime at which credentials are fetched again: a request must still be valid when it arrives, after its
/// retries.
const EXPIRY_MARGIN: Duration = Duration::from_mins(1);

/// The time before that at which [`CredentialsCache::renew`] should be called: longer than an instance or a container
/// takes to have new ones.
const RENEWAL_LEAD: Duration = Duration::from_mins(5);

/// The time in which credentials that were rejected for a kind of request are not fetched again for that kind, after the source
/// has returned the same ones.
const SAME_AGAIN: Duration = Duration::from_secs(5);

/// How long a source may take. Requests that need its credentials wait for it.
const FETCH: Duration = Duration::from_secs(30);

/// The time in which requests share a failure of the source, so that those that waited do not fetch one after another.
const FAILED: Duration = Duration::from_secs(1);

/// The time of day.
type Clock = fn() -> SystemTime;

/// Credentials from a provider, cached while they are valid.
#[derive(Debug)]
pub(crate) struct CredentialsCache {
    source: Source,
    /// Locked while credentials are fetched, so that they are fetched once.
    fetching: Mutex<Fetching>,
    current: RwLock<Option<Current>>,
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
struct Fetching {
    provider: Option<SharedCredentialsProvider>,
    /// When the source last returned credentials again that a server had rejected, by kind of request: a permission that one
    /// kind lacks does not delay new credentials for another.
    same_again: HashMap<&'static str, SystemTime>,
    /// When and why the source last failed, if it has not succeeded since.
    failure: Option<(SystemTime, String)>,
}

impl Fetching {
    fn recent_failure(&self, now: SystemTime) -> Option<String> {
        self.failure.as_ref().filter(|(at, _)| now < *at + FAILED).map(|(_, reason)| reason.clone())
    }
}

#[derive(Clone, Debug)]
struct Current {
    credentials: Credentials,
    fetched: SystemTime,
}

impl Current {
    /// A minute before they expire, or after half of a lifetime that is shorter than two minutes.
    fn usable_until(&self) -> Option<SystemTime> {
        let expiry = self.credentials.expiry()?;
        let lifetime = expiry.duration_since(self.fetched).unwrap_or_default();
        Some(self.fetched + lifetime.saturating_sub(EXPIRY_MARGIN).max(lifetime / 2))
    }

    /// Early enough before that, but not in the first half of the time.
    fn renewal(&self) -> Option<SystemTime> {
        let usable = self.usable_until()?.duration_since(self.fetched).unwrap_or_default();
        Some(self.fetched + usable.saturating_sub(RENEWAL_LEAD).max(usable / 2))
    }
}

/// Credentials that were fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// When they expire; `None` if they do not.
    pub expiry: Option<SystemTime>,
    /// When to fetch them again, so that no request waits for that; `None` if they do not expire.
    pub due: Option<SystemTime>,
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
        Self {
            source,
            fetching: Mutex::default(),
            current: RwLock::default(),
            last_host: watch::Sender::new("their provider".to_owned()),
        }
    }

    /// The host that credentials were last requested from.
    pub(crate) fn last_host(&self) -> String {
        self.last_host.borrow().clone()
    }

    /// Credentials that are valid for a minute, or at least now if the source fails.
    ///
    /// # Errors
    /// The error of the chain when no link of it has credentials.
    pub(crate) async fn credentials(&self, now: Clock) -> Result<Credentials, String> {
        if let Some(credentials) = self.usable(now()) {
            return Ok(credentials);
        }
        let mut fetching = self.fetching.lock().await;
        // Another request may have fetched them meanwhile.
        if let Some(credentials) = self.usable(now()) {
            return Ok(credentials);
        }
        let fetched = match fetching.recent_failure(now()) {
            Some(reason) => Err(reason),
            None => self.fetch(&mut fetching, now).await,
        };
        fetched.map(|current| current.credentials).or_else(|reason| self.unexpired(now()).ok_or(reason))
    }

    /// Fetches credentials, while requests still use those of before.
    ///
    /// # Errors
    /// The error of the chain when no link of it has credentials.
    pub(crate) async fn renew(&self, now: Clock) -> Result<Renewal, String> {
        let mut fetching = self.fetching.lock().await;
        let current = self.fetch(&mut fetching, now).await?;
        Ok(Renewal { expiry: current.credentials.expiry(), due: current.renewal() })
    }

    /// Other credentials than `rejected`, which a server did not accept for a request of this kind although they had not
    /// expired, if the source has others by now. Files are read again.
    pub(crate) async fn instead_of(
        &self,
        rejected: &Credentials,
        kind: &'static str,
        now: Clock,
    ) -> Option<Credentials> {
        let mut fetching = self.fetching.lock().await;
        if let Some(current) = self.current().filter(|current| !is_same(&current.credentials, rejected)) {
            return Some(current.credentials);
        }
        if fetching.same_again.get(kind).is_some_and(|last| now() < *last + SAME_AGAIN) {
            return None;
        }
        fetching.provider = None;
        let fetched = self.fetch(&mut fetching, now).await.ok().map(|current| current.credentials);
        let other = fetched.filter(|credentials| !is_same(credentials, rejected));
        if other.is_none() {
            fetching.same_again.insert(kind, now());
        }
        other
    }

    fn usable(&self, now: SystemTime) -> Option<Credentials> {
        let current = self.current()?;
        current.usable_until().is_none_or(|until| now < until).then_some(current.credentials)
    }

    fn unexpired(&self, now: SystemTime) -> Option<Credentials> {
        let credentials = self.current()?.credentials;
        credentials.expiry().is_none_or(|expiry| now < expiry).then_some(credentials)
    }

    fn current(&self) -> Option<Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch(&self, fetching: &mut Fetching, now: Clock) -> Result<Current, String> {
        let provided = timeout(FETCH, self.provide(fetching)).await;
        let provided =
            provided.unwrap_or_else(|_| Err(format!("no answer from {} in time", self.last_host())));
        let credentials = match provided {
            Ok(credentials) => credentials,
            Err(reason) => {
                let reason = format!("no AWS credentials: {reason}");
                fetching.failure = Some((now(), reason.clone()));
                return Err(reason);
            }
        };
        fetching.failure = None;
        let current = Current { credentials, fetched: now() };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(current.clone());
        Ok(current)
    }

    async fn provide(&self, fetching: &mut Fetching) -> Result<Credentials, String> {
        if fetching.provider.is_none() {
            fetching.provider = Some(self.source.provider(&self.last_host).await);
        }
        let provider = fetching.provider.as_ref().expect("it was set above");
        provider.provide_credentials().await.map_err(|error| explain(&error))
    }
}

/// Whether both sign alike. Their expiry may differ.
fn is_same(one: &Credentials, other: &Credentials) -> bool {
    one.access_key_id() == other.access_key_id()
        && one.secret_access_key() == other.secret_access_key()
        && one.session_token() == other.session_token()
}

impl Source {
    async fn provider(&self, last_host: &watch::Sender<String>) -> SharedCredentialsProvider {
        match self {
            Self::Given(provider) => provider.clone(),
            Self::Standard { http, region } => {
                let config = ProviderConfig::empty()
                    .with_http_client(ChainHttp {
                        http: http.clone(),
                        last_host: last_host.clone(),
                        limit: None,
                    })
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
    /// How long a request may take.
    limit: Option<Duration>,
}

impl fmt::Debug for ChainHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChainHttp")
    }
}

impl HttpClient for ChainHttp {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let connect = settings.connect_timeout().unwrap_or_default();
        let limit = settings.read_timeout().map(|read| connect + read);
        SharedHttpConnector::new(Self { limit, ..self.clone() })
    }
}

impl HttpConnector for ChainHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let chain = self.clone();
        HttpConnectorFuture::new(async move {
            let Some(limit) = chain.limit else { return forward(&chain, request).await };
            let answered = timeout(limit, forward(&chain, request)).await;
            answered.unwrap_or_else(|elapsed| Err(ConnectorError::timeout(elapsed.into())))
        })
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
