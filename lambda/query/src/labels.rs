//! The operations `labels`, `label_values` (AMP, `GetLabels`) and `series` (`GetSeries`).

use std::collections::BTreeMap;

use percent_encoding::utf8_percent_encode;
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::api::{Api, Parameters, RESERVED};
use crate::api_response::Annotations;
use crate::error::Error;
use crate::input::Input;
use crate::list_metrics::names;
use crate::parameter::{
    AFTER, BEFORE, LABEL, MAX_SERIES, MAX_VALUES, Parameter, REQUIRED_SELECTOR, SELECTOR,
};
use crate::query::SERIES_FOR_AGENT;
use crate::truncation::{Caller, Limits, Truncation, json_array};

/// The default number of names or values for an agent.
const VALUES_FOR_AGENT: usize = 200;

/// The most bytes of a selector in a URL, where a character may take three.
const MAX_SELECTOR_BYTES: usize = 2_000;

const NARROW: &str = "add label matchers to match, or a shorter range";

/// A list of elements, as many as the limits allow.
#[derive(Serialize)]
struct List {
    /// The elements by their kind.
    #[serde(flatten)]
    elements: BTreeMap<&'static str, Box<RawValue>>,
    /// The number of all elements; `None` if there are more than were read.
    total: Option<usize>,
    #[serde(flatten)]
    truncation: Option<Truncation>,
    #[serde(flatten)]
    annotations: Annotations,
}

/// Lists the names of labels.
pub(crate) async fn labels(input: &Input, api: &Api, caller: Caller) -> Result<Box<RawValue>, Error> {
    let parameters = selection(input, &SELECTOR)?;
    let limits = caller.limits(input.count(&MAX_VALUES)?, VALUES_FOR_AGENT);
    list_names("labels", "/api/v1/labels", &parameters, limits, api).await
}

/// Lists the values of a label.
pub(crate) async fn label_values(input: &Input, api: &Api, caller: Caller) -> Result<Box<RawValue>, Error> {
    let path = values_path(input.required_string(&LABEL)?)
        .ok_or_else(|| input.invalid(&LABEL, "the name of a label, such as job"))?;
    let parameters = selection(input, &SELECTOR)?;
    if input.string(&SELECTOR)?.is_some_and(|selector| selector.len() > MAX_SELECTOR_BYTES) {
        return Err(input.invalid(&SELECTOR, format!("at most {MAX_SELECTOR_BYTES} bytes")));
    }
    let limits = caller.limits(input.count(&MAX_VALUES)?, VALUES_FOR_AGENT);
    list_names("values", &path, &parameters, limits, api).await
}

/// Lists series by their labels.
pub(crate) async fn series(input: &Input, api: &Api, caller: Caller) -> Result<Box<RawValue>, Error> {
    input.required_string(&REQUIRED_SELECTOR)?;
    let parameters = selection(input, &REQUIRED_SELECTOR)?;
    let limits = caller.limits(input.count(&MAX_SERIES)?, SERIES_FOR_AGENT);
    let body = api.get_or_post("/api/v1/series", &parameters).await?;
    let response = body.api_response()?;
    let elements = response.elements.iter().map(|element| element.get());
    let (array, returned) = json_array(elements, limits)?;
    let total = response.is_complete.then_some(response.elements.len());
    list("series", array, returned, total, response.annotations)
}

/// The path of the values of `label`; `None` for a name that would be another path.
pub(crate) fn values_path(label: &str) -> Option<String> {
    let is_path = label.is_empty() || label == "." || label == "..";
    (!is_path).then(|| format!("/api/v1/label/{}/values", utf8_percent_encode(label, &RESERVED)))
}

/// The parameters that select series.
fn selection(input: &Input, selector: &Parameter) -> Result<Vec<(&'static str, String)>, Error> {
    let (start, end) = (input.timestamp(&AFTER)?, input.timestamp(&BEFORE)?);
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        return Err(input.invalid(&AFTER, format!("a time not after end, {}", end.rfc3339())));
    }
    let selector = input.string(selector)?.map(|selector| ("match[]", selector.to_owned()));
    let times = [("start", start), ("end", end)].map(|(name, time)| Some((name, time?.seconds())));
    Ok([selector].into_iter().chain(times).flatten().collect())
}

async fn list_names(
    kind: &'static str,
    path: &str,
    parameters: &Parameters<'_>,
    limits: Limits,
    api: &Api,
) -> Result<Box<RawValue>, Error> {
    // `labels` takes a form, the values of a label do not.
    let takes_form = !path.ends_with("/values");
    let body =
        if takes_form { api.get_or_post(path, parameters).await? } else { api.get(path, parameters).await? };
    let response = body.api_response()?;
    let names = names(&response.elements).map_err(|error| body.invalid(&error))?;
    let (array, returned) = json_array(names.iter().map(|name| json!(name).to_string()), limits)?;
    let total = response.is_complete.then_some(names.len());
    list(kind, array, returned, total, response.annotations)
}

fn list(
    kind: &'static str,
    array: Box<RawValue>,
    returned: usize,
    total: Option<usize>,
    annotations: Annotations,
) -> Result<Box<RawValue>, Error> {
    let left_out = total.map(|total| total - returned);
    let truncation = (left_out != Some(0)).then(|| Truncation::new(returned, left_out, NARROW));
    Ok(to_raw_value(&List { elements: [(kind, array)].into(), total, truncation, annotations })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_name_is_one_part_of_a_path() {
        assert_eq!(values_path("job").as_deref(), Some("/api/v1/label/job/values"));
        assert_eq!(values_path("../a?b").as_deref(), Some("/api/v1/label/..%2Fa%3Fb/values"));
        for name in ["", ".", ".."] {
            assert_eq!(values_path(name), None, "{name}");
        }
    }
}
