//! Runs the operations: each reads its parameters and queries its workspace.

use std::sync::Arc;

use aws::{Client, Endpoint, Scope};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::api::Api;
use crate::config::Config;
use crate::control_plane;
use crate::error::Error;
use crate::find_workspace::{Selector, find_workspace};
use crate::input::Input;
use crate::labels::{label_values, labels, series};
use crate::list_metrics::list_metrics;
use crate::operation::Operation;
use crate::parameter::REGION;
use crate::payload::Parameters;
use crate::query::{query, range_query};
use crate::rules::{alerts, rules};
use crate::server_info::server_info;
use crate::time::Timestamp;
use crate::truncation::Caller;
use crate::workspace::{Workspace, region, resolve};

/// The operations of a function.
#[derive(Debug)]
pub(crate) struct Operations {
    config: Config,
    client: Arc<Client>,
}

/// The caller of an operation, and its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) caller: Caller,
    pub(crate) now: Timestamp,
    pub(crate) deadline: Instant,
}

impl Operations {
    pub(crate) fn new(config: Config, client: Arc<Client>) -> Self {
        Self { config, client }
    }

    /// The data of `operation` with the parameters in `given`.
    pub(crate) async fn run(
        &self,
        operation: Operation,
        given: Parameters,
        call: Call,
    ) -> Result<Box<RawValue>, Error> {
        let Call { caller, now, deadline } = call;
        let input = Input::new(given, operation, now)?;
        let Config { workspace: configured, region: default_region, control_plane, .. } = &self.config;
        let workspace = || resolve(&input, configured.as_ref(), default_region.as_deref());
        let api_of = |workspace: Workspace| self.api(workspace.base, workspace.scope, deadline);
        match operation {
            Operation::Query => query(&input, &api_of(workspace()?), caller).await,
            Operation::RangeQuery => range_query(&input, &api_of(workspace()?), caller).await,
            Operation::ListMetrics => list_metrics(&input, &api_of(workspace()?), caller).await,
            Operation::Labels => labels(&input, &api_of(workspace()?), caller).await,
            Operation::LabelValues => label_values(&input, &api_of(workspace()?), caller).await,
            Operation::Series => series(&input, &api_of(workspace()?), caller).await,
            Operation::Rules => rules(&input, &api_of(workspace()?), caller).await,
            Operation::Alerts => alerts(&input, &api_of(workspace()?), caller).await,
            Operation::ServerInfo => {
                let workspace = workspace()?;
                server_info(&api_of(workspace.clone()), &workspace).await
            }
            Operation::FindWorkspace => {
                let selector = Selector::read(&input)?;
                let region =
                    region(&input)?.or(default_region.as_deref()).ok_or_else(|| Error::MissingParameter {
                        name: REGION.name,
                        expected: "AWS region, such as us-east-1".to_owned(),
                    })?;
                let (base, scope) = control_plane::endpoint(control_plane.as_ref(), region);
                find_workspace(selector, &self.api(base, Some(scope), deadline), region, caller).await
            }
        }
    }

    /// The configured workspace.
    pub(crate) fn workspace_api(&self, deadline: Instant) -> Option<Api> {
        let Workspace { base, scope } = self.config.workspace.clone()?;
        Some(self.api(base, scope, deadline))
    }

    /// Whether callers see only the series with the labels of `ENFORCE_LABELS`.
    pub(crate) fn is_restricted(&self) -> bool {
        self.config.enforced.is_some()
    }

    /// An API for one invocation. All requests of callers are sent by one, so all are restricted.
    pub(crate) fn api(&self, base: Endpoint, scope: Option<Scope>, deadline: Instant) -> Api {
        let enforced = self.config.enforced.clone();
        Api { client: Arc::clone(&self.client), base, scope, enforced, deadline }
    }
}
