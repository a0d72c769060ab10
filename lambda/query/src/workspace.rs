//! Resolves the workspace of an invocation to a URL and a credential scope.
//!
//! Every request is signed, so it may only go to AMP or to the configured URL. A URL from a caller is parsed, checked
//! part by part and rebuilt.

use aws::workspace::{SERVICE, base_of, id_of, is_workspace_id, url_of};
use aws::{Endpoint, Scope, is_region};

use crate::error::Error;
use crate::input::Input;
use crate::parameter::{REGION, WORKSPACE_ID, WORKSPACE_URL};

const ALLOWED_URLS: &str = "https://aps-workspaces.<region>.amazonaws.com/workspaces/<workspace id>, or the URL \
                            that the function is configured with";

/// A Prometheus API and its credential scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Workspace {
    /// The URL before `/api/v1`.
    pub(crate) base: Endpoint,
    /// `None` sends requests unsigned.
    pub(crate) scope: Option<Scope>,
}

/// The workspace that `input` names, or else the `configured` one. `default_region` is that of the function.
pub(crate) fn resolve(
    input: &Input,
    configured: Option<&Workspace>,
    default_region: Option<&str>,
) -> Result<Workspace, Error> {
    let id = input.string(&WORKSPACE_ID)?.map(|id| valid_id(input, id)).transpose()?;
    let region = region(input)?;
    let workspace = match (input.string(&WORKSPACE_URL)?, id) {
        (Some(url), _) => {
            from_url(url, configured).ok_or_else(|| input.invalid(&WORKSPACE_URL, ALLOWED_URLS))?
        }
        (None, Some(id)) => match configured.filter(|workspace| workspace.id() == Some(id)) {
            Some(workspace) => workspace.clone(),
            None => from_id(id, region.or(default_region))?,
        },
        (None, None) => configured.cloned().ok_or_else(|| Error::MissingParameter {
            name: WORKSPACE_URL.name,
            expected: format!("or workspace_id with region; {ALLOWED_URLS}"),
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

/// Checks the form of `id`, which becomes part of a path.
pub(crate) fn valid_id<'a>(input: &Input, id: &'a str) -> Result<&'a str, Error> {
    if is_workspace_id(id) {
        Ok(id)
    } else {
        Err(input.invalid(&WORKSPACE_ID, "the id of a workspace: letters, digits, - and _"))
    }
}

/// The region that `input` names, which becomes part of a host name.
pub(crate) fn region(input: &Input) -> Result<Option<&str>, Error> {
    match input.string(&REGION)? {
        Some(region) if !is_region(region) => {
            Err(input.invalid(&REGION, "the code of an AWS region, such as us-east-1"))
        }
        region => Ok(region),
    }
}

impl Workspace {
    /// The workspace id, if the URL has one.
    pub(crate) fn id(&self) -> Option<&str> {
        id_of(&self.base)
    }

    /// The URL, fit for `workspace_url`.
    pub(crate) fn url(&self) -> String {
        self.base.uri().to_string().trim_end_matches('/').to_owned()
    }
}

/// The configured workspace, or one on a host of AMP.
fn from_url(url: &str, configured: Option<&Workspace>) -> Option<Workspace> {
    let base = base_of(url).ok()?;
    if url.contains('?') {
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

fn from_id(id: &str, region: Option<&str>) -> Result<Workspace, Error> {
    let region = region.ok_or_else(|| Error::MissingParameter {
        name: REGION.name,
        expected: "the region of workspace_id, such as us-east-1".to_owned(),
    })?;
    let base = Endpoint::parse(&url_of(id, region)).expect("a region and an id make a URL");
    Ok(Workspace { base, scope: Some(Scope { region: region.to_owned(), service: SERVICE }) })
}

#[cfg(test)]
mod tests;
