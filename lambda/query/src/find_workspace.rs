//! The operation `find_workspace`: finds a workspace by alias or id, or lists all of a region.

use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::api::Api;
use crate::control_plane::{FoundWorkspace, describe, list};
use crate::error::Error;
use crate::input::Input;
use crate::parameter::{ALIAS, FIND_ID, LIST_ALL};
use crate::truncation::{Caller, Truncation, json_array};
use crate::workspace::valid_id;

/// The number of workspaces for an agent. AMP's quota is 25 per region.
const WORKSPACES_FOR_AGENT: usize = 100;

/// The number of workspaces that an error lists.
const MAX_LISTED: usize = 25;

const NARROW: &str = "request one by alias or workspace_id";

/// The workspaces that the caller requests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Selector<'a> {
    Alias(&'a str),
    Id(&'a str),
    All,
}

impl<'a> Selector<'a> {
    /// Reads the parameters, of which exactly one must be given.
    pub(crate) fn read(input: &'a Input) -> Result<Self, Error> {
        match (input.string(&ALIAS)?, input.string(&FIND_ID)?, input.flag(&LIST_ALL)?) {
            (Some(alias), None, false) => Ok(Self::Alias(alias)),
            (None, Some(id), false) => valid_id(input, id).map(Self::Id),
            (None, None, true) => Ok(Self::All),
            (None, None, false) => Err(Error::MissingParameter {
                name: ALIAS.name,
                expected: "or workspace_id, or list_all: true".to_owned(),
            }),
            (alias, _, _) => {
                let parameter = if alias.is_some() { &ALIAS } else { &FIND_ID };
                Err(input.invalid(parameter, "only one of alias, workspace_id and list_all"))
            }
        }
    }
}

/// Finds workspaces through `api`, the control plane of `region`.
pub(crate) async fn find_workspace(
    selector: Selector<'_>,
    api: &Api,
    region: &str,
    caller: Caller,
) -> Result<Box<RawValue>, Error> {
    let (message, workspace) = match selector {
        Selector::All => return all(&list(api, region).await?, region, caller),
        Selector::Id(id) => (format!("Found workspace by id: {id}"), describe(api, region, id).await?),
        Selector::Alias(alias) => {
            let id = id_of_alias(alias, &list(api, region).await?, region)?;
            (format!("Found workspace by alias: {alias}"), describe(api, region, &id).await?)
        }
    };
    Ok(to_raw_value(&json!({"message": message, "workspace": workspace}))?)
}

/// The id of the workspace with this alias: exactly, or else in any letter case.
fn id_of_alias(alias: &str, workspaces: &[FoundWorkspace], region: &str) -> Result<String, Error> {
    let matching = |is_alias: &dyn Fn(&str) -> bool| -> Vec<&FoundWorkspace> {
        workspaces.iter().filter(|workspace| workspace.alias.as_deref().is_some_and(is_alias)).collect()
    };
    let mut found = matching(&|other| other == alias);
    if found.is_empty() {
        found = matching(&|other| other.to_lowercase() == alias.to_lowercase());
    }
    match found[..] {
        [workspace] => Ok(workspace.workspace_id.clone()),
        [] => {
            let existing = if workspaces.is_empty() { "none".to_owned() } else { names(workspaces) };
            let message =
                format!("no workspace in {region} has the alias {alias:?}; existing workspaces: {existing}");
            Err(Error::WorkspaceNotFound(message))
        }
        // Aliases need not be unique, and a guess could return the data of another workspace.
        _ => Err(Error::InvalidParameter {
            name: ALIAS.name,
            got: format!("{alias:?}"),
            expected: format!("an alias of one workspace, but {} have it; use workspace_id", names(found)),
        }),
    }
}

fn names<'a>(workspaces: impl IntoIterator<Item = &'a FoundWorkspace>) -> String {
    let name = |workspace: &FoundWorkspace| {
        format!("{} ({})", workspace.alias.as_deref().unwrap_or("no alias"), workspace.workspace_id)
    };
    let mut workspaces = workspaces.into_iter();
    let mut names: Vec<_> = workspaces.by_ref().take(MAX_LISTED).map(name).collect();
    let more = workspaces.count();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

fn all(workspaces: &[FoundWorkspace], region: &str, caller: Caller) -> Result<Box<RawValue>, Error> {
    #[derive(Serialize)]
    struct List {
        message: String,
        workspaces: Box<RawValue>,
        total: usize,
        #[serde(flatten)]
        truncation: Option<Truncation>,
    }
    let total = workspaces.len();
    let elements = workspaces.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    let (array, returned) = json_array(elements, caller.limits(None, WORKSPACES_FOR_AGENT))?;
    Ok(to_raw_value(&List {
        message: format!("Found {total} workspaces in {region}"),
        workspaces: array,
        total,
        truncation: (returned < total).then(|| Truncation::new(returned, Some(total - returned), NARROW)),
    })?)
}
