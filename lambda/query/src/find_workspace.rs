//! `find_workspace`: an alias or an id → a workspace; or the whole list (AMP, `ListWorkspaces`, `DescribeWorkspace`).

use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::api::Api;
use crate::control_plane::{FoundWorkspace, describe, list};
use crate::error::Error;
use crate::input::{Input, InvalidInput};
use crate::parameter::{ALIAS, FIND_ID, LIST_ALL};
use crate::selection::{Audience, Selection, Truncation, to_json};
use crate::workspace::is_workspace_id;

/// How many workspaces an agent gets. AMP's quota is 25 a region.
const WORKSPACES_FOR_AGENT: usize = 100;

/// How many workspaces an error proposes.
const PROPOSED: usize = 25;

const NARROW: &str = "ask for one by alias or workspace_id";

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub enum FindWorkspace {
    /// The workspace with this alias.
    ByAlias(String),
    /// The workspace with this id.
    ById(String),
    /// All.
    All,
}

impl FindWorkspace {
    /// Reads the parameters.
    ///
    /// # Errors
    /// Not exactly one of them says which workspace, or it is wrong.
    pub fn read(input: &Input) -> Result<Self, InvalidInput> {
        let selectors = (input.text(&ALIAS)?, input.text(&FIND_ID)?, input.flag(&LIST_ALL)?);
        match selectors {
            (Some(alias), None, false) => Ok(Self::ByAlias(alias.to_owned())),
            (None, Some(id), false) if is_workspace_id(id) => Ok(Self::ById(id.to_owned())),
            (None, Some(_), false) => {
                Err(input.invalid(&FIND_ID, "the id of a workspace: letters, digits, - and _"))
            }
            (None, None, true) => Ok(Self::All),
            (None, None, false) => Err(InvalidInput::Missing {
                name: ALIAS.name,
                allowed: "or workspace_id, or list_all: true".to_owned(),
            }),
            (alias, _, _) => {
                let parameter = if alias.is_some() { &ALIAS } else { &FIND_ID };
                Err(input.invalid(parameter, "only one of alias, workspace_id and list_all"))
            }
        }
    }

    /// Asks `api`, the control plane of `region`.
    ///
    /// # Errors
    /// Why there is no data; 404 with proposals if there is no such workspace.
    pub async fn run(self, api: &Api, region: &str, audience: Audience) -> Result<String, Error> {
        match self {
            Self::ById(id) => {
                let workspace = describe(api, region, &id).await?;
                to_json(&json!({"message": format!("Found workspace by id: {id}"), "workspace": workspace}))
            }
            Self::ByAlias(alias) => {
                let id = by_alias(&alias, &list(api, region).await?, region)?;
                let workspace = describe(api, region, &id).await?;
                to_json(
                    &json!({"message": format!("Found workspace by alias: {alias}"), "workspace": workspace}),
                )
            }
            Self::All => all(&list(api, region).await?, region, audience),
        }
    }
}

/// The id of the workspace with this alias: exactly, or else in any letter case.
fn by_alias(alias: &str, workspaces: &[FoundWorkspace], region: &str) -> Result<String, Error> {
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
            let there_are = match proposals(workspaces) {
                there_are if there_are.is_empty() => "there are none".to_owned(),
                there_are => format!("there are {there_are}"),
            };
            Err(Error::NotFound(format!("no workspace in {region} has the alias {alias:?}; {there_are}")))
        }
        // Aliases need not be unique, and a guess would be somebody else's data.
        _ => Err(Error::Input(InvalidInput::Parameter {
            name: ALIAS.name,
            given: format!("{alias:?}"),
            allowed: format!("an alias of one workspace, but {} have it; use workspace_id", proposals(found)),
        })),
    }
}

fn proposals<'a>(workspaces: impl IntoIterator<Item = &'a FoundWorkspace>) -> String {
    let shown = |workspace: &FoundWorkspace| {
        format!("{} ({})", workspace.alias.as_deref().unwrap_or("no alias"), workspace.workspace_id)
    };
    let mut workspaces = workspaces.into_iter();
    let mut texts: Vec<_> = workspaces.by_ref().take(PROPOSED).map(shown).collect();
    let more = workspaces.count();
    if more > 0 {
        texts.push(format!("{more} more"));
    }
    texts.join(", ")
}

/// What the caller of a list gets.
#[derive(Serialize)]
struct List {
    message: String,
    workspaces: Box<RawValue>,
    total: usize,
    #[serde(flatten)]
    truncation: Option<Truncation>,
}

fn all(workspaces: &[FoundWorkspace], region: &str, audience: Audience) -> Result<String, Error> {
    let mut selection = Selection::new(audience.limits(None, WORKSPACES_FOR_AGENT));
    let fits = |workspace: &&FoundWorkspace| to_json(workspace).is_ok_and(|json| selection.take(&json));
    let returned = workspaces.iter().take_while(fits).count();
    let total = workspaces.len();
    let truncation = (returned < total).then(|| Truncation {
        truncated: true,
        returned,
        left_out: Some(total - returned),
        narrow: NARROW,
    });
    let message = format!("Found {total} workspaces in {region}");
    to_json(&List { message, workspaces: selection.into_json()?, total, truncation })
}
