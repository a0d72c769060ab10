//! The AMP stand-in, the Prometheus behind it, and the credentials that it accepts.

use std::sync::Arc;

use aws_credential_types::Credentials;
use local_amp::{AmpOptions, AmpStandIn};
use local_lambda::credentials::CredentialsEndpoint;
use local_lambda::runtime::RoleCredentials;
use local_testing::clock::Clock;
use local_testing::prometheus::Prometheus;

use super::{PortError, StackError, StackOptions, Storage};

/// Requests that the workspace remembers: a stack may run for days.
const JOURNAL_LIMIT: usize = 100;

/// The workspace.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) amp: Arc<AmpStandIn>,
    /// The URL of the Prometheus that stores the samples.
    pub(super) storage_url: Option<String>,
    /// The credentials of people and other clients.
    pub(super) user: Credentials,
    /// The credentials of the functions.
    pub(super) role: RoleCredentials,
    _credentials: Option<CredentialsEndpoint>,
    _prometheus: Option<Prometheus>,
}

impl Workspace {
    pub(super) async fn start(options: &StackOptions) -> Result<Self, StackError> {
        let (prometheus, storage_url) = match &options.storage {
            Storage::Memory => (None, None),
            Storage::At(url) => (None, Some(url.clone())),
            Storage::Program(program) => {
                let prometheus = Prometheus::start(program, options.ports.prometheus).await?;
                let url = prometheus.url().to_owned();
                (Some(prometheus), Some(url))
            }
        };
        let user = Credentials::new("AKIDLOCAL", "local-secret", None, None, "local");
        let amp_options = AmpOptions {
            port: options.ports.amp,
            region: options.region.clone(),
            credentials: Some(user.clone()),
            out_of_order_window: options.out_of_order_window,
            prometheus: storage_url.clone(),
            journal_limit: JOURNAL_LIMIT,
            ..AmpOptions::default()
        };
        let amp = AmpStandIn::start(amp_options).await;
        let amp = Arc::new(amp.map_err(PortError::of("--amp-port", options.ports.amp))?);
        amp.set_faults(options.faults.clone());
        let credentials = start_credentials(options, &amp, &user).await?;
        let role = match &credentials {
            Some(endpoint) => endpoint.role(),
            None => RoleCredentials::Environment(user.clone()),
        };
        Ok(Self { amp, storage_url, user, role, _credentials: credentials, _prometheus: prometheus })
    }
}

/// The endpoint of credentials that expire, which the workspace accepts besides the user's.
async fn start_credentials(
    options: &StackOptions,
    amp: &Arc<AmpStandIn>,
    user: &Credentials,
) -> Result<Option<CredentialsEndpoint>, StackError> {
    let Some(lifetime) = options.credentials_lifetime else { return Ok(None) };
    let (amp, user) = (Arc::clone(amp), user.clone());
    let accept = move |issued: Vec<Credentials>| {
        amp.accept_credentials(issued.into_iter().chain([user.clone()]).collect());
    };
    let endpoint = CredentialsEndpoint::start(lifetime, Clock::system(), accept).await;
    Ok(Some(endpoint.map_err(PortError::of("the credentials endpoint", 0))?))
}
