//! The operations `rules` (AMP, `ListRules`) and `alerts` (`ListAlerts`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::api::Api;
use crate::error::Error;
use crate::input::Input;
use crate::parameter::{MAX_ALERTS, MAX_RULES, RULE_NAME, RULE_TYPE};
use crate::truncation::{Caller, Truncation, json_array};

/// The default number of rules or alerts for an agent.
const RULES_FOR_AGENT: usize = 100;

const NARROW_RULES: &str = "filter by type or name";

const NARROW_ALERTS: &str = "query ALERTS with label matchers";

/// The members of a rule, of which all but the alerts are returned as they are.
type Rule<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

#[derive(Deserialize)]
struct Rules<'a> {
    #[serde(borrow)]
    data: RuleGroups<'a>,
}

#[derive(Deserialize)]
struct RuleGroups<'a> {
    #[serde(borrow)]
    groups: Vec<RuleGroup<'a>>,
}

#[derive(Deserialize)]
struct RuleGroup<'a> {
    #[serde(borrow)]
    name: &'a RawValue,
    #[serde(borrow)]
    rules: Vec<Rule<'a>>,
}

#[derive(Deserialize)]
struct Alerts<'a> {
    #[serde(borrow)]
    data: AlertList<'a>,
}

#[derive(Deserialize)]
struct AlertList<'a> {
    #[serde(borrow)]
    alerts: Vec<&'a RawValue>,
}

/// Lists the rules of all groups, each with the name of its group, and the number of its alerts instead of them.
pub(crate) async fn rules(input: &Input, api: &Api, caller: Caller) -> Result<Box<RawValue>, Error> {
    #[derive(Serialize)]
    struct Page {
        rules: Box<RawValue>,
        total: usize,
        #[serde(flatten)]
        truncation: Option<Truncation>,
    }
    let rule_type = input.string(&RULE_TYPE)?;
    if rule_type.is_some_and(|rule_type| !["alert", "record"].contains(&rule_type)) {
        return Err(input.invalid(&RULE_TYPE, "alert or record"));
    }
    let name = input.string(&RULE_NAME)?.map(str::to_lowercase);
    let limits = caller.limits(input.count(&MAX_RULES)?, RULES_FOR_AGENT);
    let parameters: Vec<_> = rule_type.map(|rule_type| ("type", rule_type.to_owned())).into_iter().collect();
    let body = api.get("/api/v1/rules", &parameters).await?;
    let Rules { data } = body.json()?;
    let mut elements = Vec::new();
    for RuleGroup { name: group, rules } in &data.groups {
        for rule in rules.iter().filter(|rule| is_named(rule, name.as_deref())) {
            elements.push(element(group, rule)?);
        }
    }
    let total = elements.len();
    let (rules, returned) = json_array(elements, limits)?;
    let truncation =
        (returned < total).then(|| Truncation::new(returned, Some(total - returned), NARROW_RULES));
    Ok(to_raw_value(&Page { rules, total, truncation })?)
}

/// Lists the alerts that are pending or firing.
pub(crate) async fn alerts(input: &Input, api: &Api, caller: Caller) -> Result<Box<RawValue>, Error> {
    #[derive(Serialize)]
    struct Page {
        alerts: Box<RawValue>,
        total: usize,
        #[serde(flatten)]
        truncation: Option<Truncation>,
    }
    let limits = caller.limits(input.count(&MAX_ALERTS)?, RULES_FOR_AGENT);
    let body = api.get("/api/v1/alerts", &[]).await?;
    let Alerts { data: AlertList { alerts } } = body.json()?;
    let total = alerts.len();
    let (alerts, returned) = json_array(alerts.iter().map(|alert| alert.get()), limits)?;
    let truncation =
        (returned < total).then(|| Truncation::new(returned, Some(total - returned), NARROW_ALERTS));
    Ok(to_raw_value(&Page { alerts, total, truncation })?)
}

fn is_named(rule: &Rule<'_>, part: Option<&str>) -> bool {
    let name = || serde_json::from_str::<String>(rule.get("name")?.get()).ok();
    part.is_none_or(|part| name().is_some_and(|name| name.to_lowercase().contains(part)))
}

fn element(group: &RawValue, rule: &Rule<'_>) -> serde_json::Result<String> {
    let alerts = rule.get("alerts").map(|alerts| serde_json::from_str::<Vec<&RawValue>>(alerts.get()));
    let count = alerts.transpose()?.map(|alerts| to_raw_value(&alerts.len())).transpose()?;
    let mut members = rule.clone();
    members.insert("group".into(), group);
    if let Some(count) = &count {
        members.insert("alerts".into(), count);
    }
    serde_json::to_string(&members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_its_group_and_the_number_of_its_alerts() {
        let text = r#"{"status":"success","data":{"groups":[{"name":"g","file":"f","interval":60,"rules":[
            {"name":"Down","query":"up == 0","alerts":[{"a":1},{"a":[2]}],"type":"alerting"},
            {"name":"a:b","query":"sum(a)","type":"recording"}]}]}}"#;
        let Rules { data } = serde_json::from_str(text).unwrap();
        let group = &data.groups[0];
        let elements: Vec<_> = group.rules.iter().map(|rule| element(group.name, rule).unwrap()).collect();
        assert_eq!(
            elements,
            [
                r#"{"alerts":2,"group":"g","name":"Down","query":"up == 0","type":"alerting"}"#,
                r#"{"group":"g","name":"a:b","query":"sum(a)","type":"recording"}"#
            ]
        );
        let named = |part| group.rules.iter().filter(|rule| is_named(rule, part)).count();
        assert_eq!((named(None), named(Some("down")), named(Some("x"))), (2, 1, 0));
    }
}
