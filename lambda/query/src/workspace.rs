//! Workspaces: what the caller named, and what the function is configured with → the one API that may be asked.
//!
//! Every request carries a signature, so it must only ever go to AMP or to the configured URL. A URL that a caller
//! gives is taken apart, checked part by part and put together anew; nothing of it reaches the wire unchecked.

use aws::{Endpoint, InvalidEndpoint, Scope, is_region};

use crate::config::Config;
use crate::input::{Input, InvalidInput};
use crate::parameter::{REGION, WORKSPACE_ID, WORKSPACE_URL};

/// The service's name in signatures.
pub const SERVICE: &str = "aps";

/// What callers like to paste: the URLs of single operations, and AMP's own forms of an endpoint.
const OPERATION_PATHS: [&str; 4] =
    ["/api/v1/query", "/api/v1/query_range", "/api/v1/remote_write", "/api/v1"];

const ALLOWED_URLS: &str = "https://aps-workspaces.<region>.amazonaws.com/workspaces/<workspace id>, or the URL \
                            that the function is configured with";

/// An API of Prometheus and how to sign for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// The URL that `/api/v1` follows.
    pub base: Endpoint,
    /// What to sign for; `None` sends requests unsigned.
    pub scope: Option<Scope>,
}

/// The URL before `/api/v1`, without a slash at its end.
///
/// # Errors
/// [`InvalidEndpoint`]: it is no URL.
pub fn base_of(url: &str) -> Result<Endpoint, InvalidEndpoint> {
    let endpoint = Endpoint::parse(url)?;
    let uri = endpoint.uri();
    let path = uri.path().trim_end_matches('/');
    let path = OPERATION_PATHS.iter().find_map(|suffix| path.strip_suffix(suffix)).unwrap_or(path);
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    Endpoint::parse(&format!("{scheme}://{authority}{}", path.trim_end_matches('/')))
}

/// The workspace that `input` names, or else the configured one.
///
/// # Errors
/// [`InvalidInput`]: it names none, or something that is no workspace.
pub fn resolve(input: &Input, config: &Config) -> Result<Workspace, InvalidInput> {
    let id = input.text(&WORKSPACE_ID)?;
    if id.is_some_and(|id| !is_workspace_id(id)) {
        return Err(input.invalid(&WORKSPACE_ID, "the id of a workspace: letters, digits, - and _"));
    }
    let region = region(input)?;
    let configured = config.workspace.as_ref();
    let workspace = match (input.text(&WORKSPACE_URL)?, id) {
        (Some(url), _) => {
            from_url(url, configured).ok_or_else(|| input.invalid(&WORKSPACE_URL, ALLOWED_URLS))?
        }
        (None, Some(id)) => match configured.filter(|workspace| workspace.id() == Some(id)) {
            Some(workspace) => workspace.clone(),
            None => from_id(id, region.or(config.region.as_deref()))?,
        },
        (None, None) => configured.cloned().ok_or_else(|| InvalidInput::Missing {
            name: WORKSPACE_URL.name,
            allowed: format!("or workspace_id with region; {ALLOWED_URLS}"),
        })?,
    };
    if id.is_some_and(|id| workspace.id() != Some(id)) {
        return Err(input.invalid(&WORKSPACE_ID, "the id in workspace_url, or workspace_id alone"));
    }
    if let (Some(region), Some(scope)) = (region, &workspace.scope)
        && scope.region != region
    {
        return Err(input.invalid(&REGION, format!("the region of the workspace, {}", scope.region)));
    }
    Ok(workspace)
}

/// The region that `input` names.
///
/// # Errors
/// It has not the form of a region, and would become part of a host name.
pub fn region(input: &Input) -> Result<Option<&str>, InvalidInput> {
    match input.text(&REGION)? {
        Some(region) if !is_region(region) => {
            Err(input.invalid(&REGION, "the code of an AWS region, such as us-east-1"))
        }
        region => Ok(region),
    }
}

/// The domain of AWS's services in `region`.
pub fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// The URL of a workspace, as AMP's user guide writes it ("Query using Prometheus-compatible APIs").
pub fn url_of(id: &str, region: &str) -> String {
    format!("https://aps-workspaces.{region}.{}/workspaces/{id}", domain(region))
}

impl Workspace {
    /// The id of the workspace, if the URL has one.
    pub fn id(&self) -> Option<&str> {
        self.base.uri().path().rsplit_once("/workspaces/").map(|(_, id)| id).filter(|id| is_workspace_id(id))
    }

    /// The URL as callers may give it again.
    pub fn url(&self) -> String {
        self.base.uri().to_string().trim_end_matches('/').to_owned()
    }
}

/// Only the configured workspace, or one at a host of AMP.
fn from_url(url: &str, configured: Option<&Workspace>) -> Option<Workspace> {
    let parsed = Endpoint::parse(url).ok()?;
    let base = base_of(url).ok()?;
    if parsed.uri().query().is_some() {
        return None;
    }
    if let Some(workspace) = configured.filter(|workspace| workspace.base == base) {
        return Some(workspace.clone());
    }
    let uri = base.uri();
    let region = base.region()?.to_owned();
    let id = uri.path().strip_prefix("/workspaces/").filter(|id| is_workspace_id(id));
    let is_amp = uri.scheme_str() == Some("https") && uri.port().is_none() && id.is_some();
    is_amp.then(|| Workspace { base, scope: Some(Scope { region, service: SERVICE }) })
}

fn from_id(id: &str, region: Option<&str>) -> Result<Workspace, InvalidInput> {
    let region = region.ok_or_else(|| InvalidInput::Missing {
        name: REGION.name,
        allowed: "the region of workspace_id, such as us-east-1".to_owned(),
    })?;
    let base = Endpoint::parse(&url_of(id, region)).expect("a region and an id make a URL");
    Ok(Workspace { base, scope: Some(Scope { region: region.to_owned(), service: SERVICE }) })
}

/// AMP, API reference, `DescribeWorkspace`: `[0-9A-Za-z][-.0-9A-Z_a-z]*`, of 1 to 64 characters. Without the dot,
/// which no id has and which is special in paths.
pub fn is_workspace_id(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=64).contains(&text.len()) && text.as_bytes()[0].is_ascii_alphanumeric() && text.bytes().all(is_part)
}
