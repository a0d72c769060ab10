//! Reads workspaces from AMP's control plane: `ListWorkspaces` and `DescribeWorkspace`.
//!
//! These are two signed GETs. The client of the AWS SDK would add a second HTTP stack.
//!
//! <https://docs.aws.amazon.com/prometheus/latest/APIReference/API_ListWorkspaces.html>,
//! <https://docs.aws.amazon.com/prometheus/latest/APIReference/API_DescribeWorkspace.html>

use std::collections::BTreeMap;

use aws::workspace::{SERVICE, domain, url_of};
use aws::{Endpoint, Scope};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::Api;
use crate::error::Error;
use crate::time::Timestamp;

/// The largest `maxResults` of `ListWorkspaces`.
const PAGE: usize = 1_000;

/// A workspace as the caller gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FoundWorkspace {
    pub(crate) workspace_id: String,
    pub(crate) alias: Option<String>,
    arn: String,
    /// `ACTIVE`, `CREATING`, `UPDATING`, `DELETING` or `CREATION_FAILED`.
    status: String,
    /// The URL without `/api/v1`, fit for `workspace_url`.
    prometheus_endpoint: String,
    /// RFC 3339.
    created_at: Option<String>,
    tags: BTreeMap<String, String>,
}

/// `WorkspaceDescription`, or `WorkspaceSummary`, which has no endpoint.
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

/// The control plane of `region` and its credential scope. `configured` replaces that of AWS.
pub(crate) fn endpoint(configured: Option<&Endpoint>, region: &str) -> (Endpoint, Scope) {
    let of_aws = || {
        Endpoint::parse(&format!("https://aps.{region}.{}", domain(region)))
            .expect("a region makes a host name")
    };
    let scope = Scope { region: region.to_owned(), service: SERVICE };
    (configured.cloned().unwrap_or_else(of_aws), scope)
}

/// The workspace with this id, which must be a valid one.
pub(crate) async fn describe(api: &Api, region: &str, id: &str) -> Result<FoundWorkspace, Error> {
    let body = api.get(&format!("/workspaces/{id}"), &[]).await?;
    Ok(body.json::<Described>()?.workspace.found(region))
}

/// All workspaces, page by page.
pub(crate) async fn list(api: &Api, region: &str) -> Result<Vec<FoundWorkspace>, Error> {
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
