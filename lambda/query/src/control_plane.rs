//! Control plane: AMP's own API, of which two operations are needed → workspaces.
//!
//! Two signed GETs with the client that is there anyway, rather than the SDK's client, which would bring a second HTTP
//! stack with signing and retries of its own.
//!
//! <https://docs.aws.amazon.com/prometheus/latest/APIReference/API_ListWorkspaces.html>,
//! <https://docs.aws.amazon.com/prometheus/latest/APIReference/API_DescribeWorkspace.html>

use std::collections::BTreeMap;

use aws::{Endpoint, Scope};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::Api;
use crate::config::Config;
use crate::error::Error;
use crate::timestamp::Timestamp;
use crate::workspace::{SERVICE, domain, url_of};

/// `ListWorkspaces`, `maxResults`: 1 to 1,000.
const PAGE: usize = 1_000;

/// A workspace, as the caller gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundWorkspace {
    /// Its id.
    pub workspace_id: String,
    /// Its alias, if it has one.
    pub alias: Option<String>,
    /// Its Amazon Resource Name.
    pub arn: String,
    /// `ACTIVE`, `CREATING`, `UPDATING`, `DELETING` or `CREATION_FAILED`.
    pub status: String,
    /// Its URL without `/api/v1`, fit for `workspace_url`.
    pub prometheus_endpoint: String,
    /// When it was made, RFC 3339.
    pub created_at: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A workspace as AMP describes it; a summary has no endpoint.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    workspace_id: String,
    alias: Option<String>,
    arn: String,
    status: Status,
    prometheus_endpoint: Option<String>,
    created_at: Option<Value>,
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    status_code: String,
}

#[derive(Debug, Deserialize)]
struct Described {
    workspace: Description,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    workspaces: Vec<Description>,
    next_token: Option<String>,
}

/// Where the control plane of `region` is, and how to sign for it.
pub fn endpoint(config: &Config, region: &str) -> (Endpoint, Option<Scope>) {
    let of_aws = || {
        Endpoint::parse(&format!("https://aps.{region}.{}", domain(region)))
            .expect("a region makes a host name")
    };
    let endpoint = config.control_plane.clone().unwrap_or_else(of_aws);
    (endpoint, Some(Scope { region: region.to_owned(), service: SERVICE }))
}

/// The workspace with this id, which has to have the form of one.
///
/// # Errors
/// There is none (404), or it cannot be read.
pub async fn describe(api: &Api, region: &str, id: &str) -> Result<FoundWorkspace, Error> {
    let body = api.get(&format!("/workspaces/{id}"), &[]).await?;
    Ok(body.json::<Described>()?.workspace.found(region))
}

/// All workspaces, over as many pages as there are.
///
/// # Errors
/// A page cannot be read.
pub async fn list(api: &Api, region: &str) -> Result<Vec<FoundWorkspace>, Error> {
    let mut workspaces = Vec::new();
    let mut parameters = vec![("maxResults", PAGE.to_string())];
    loop {
        let page: Listed = api.get("/workspaces", &parameters).await?.json()?;
        workspaces.extend(page.workspaces.into_iter().map(|workspace| workspace.found(region)));
        match page.next_token.filter(|token| !token.is_empty()) {
            Some(token) => {
                parameters.truncate(1);
                parameters.push(("nextToken", token));
            }
            None => return Ok(workspaces),
        }
    }
}

impl Description {
    fn found(self, region: &str) -> FoundWorkspace {
        let endpoint = self.prometheus_endpoint.unwrap_or_else(|| url_of(&self.workspace_id, region));
        FoundWorkspace {
            alias: self.alias,
            arn: self.arn,
            status: self.status.status_code,
            prometheus_endpoint: endpoint.trim_end_matches('/').to_owned(),
            created_at: self.created_at.as_ref().and_then(Timestamp::read).map(Timestamp::rfc3339),
            tags: self.tags.unwrap_or_default(),
            workspace_id: self.workspace_id,
        }
    }
}
