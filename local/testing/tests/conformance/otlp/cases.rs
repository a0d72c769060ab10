//! What a receiver made of each metric, and of each resource.

use std::collections::BTreeMap;
use std::fmt;

use local_amp::proto::otlp::any_value::Value as Any;
use local_amp::proto::otlp::{KeyValue, Metric, ResourceMetrics, ScopeMetrics};

use super::random::{BAD_KEYS, Generated, KEY};
use crate::stored::Stored;

/// A metric in its scope and resource, or a resource with its `target_info`.
#[derive(Clone, Copy)]
pub(crate) struct Case<'r> {
    pub(crate) resource: &'r ResourceMetrics,
    /// `None` for a resource.
    pub(crate) metric: Option<(&'r ScopeMetrics, &'r Metric)>,
    /// The position of its request.
    pub(crate) request: usize,
}

impl<'r> Case<'r> {
    /// The metric, or all of the resource.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = &'r Metric> {
        let all = self.resource.scope_metrics.iter().flat_map(|scope| &scope.metrics);
        let one = self.metric.map(|(_, metric)| metric);
        one.into_iter().chain(all.take(if one.is_some() { 0 } else { usize::MAX }))
    }

    /// The attributes of the resource.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &'r KeyValue> {
        self.resource.resource.iter().flat_map(|resource| &resource.attributes)
    }

    /// Whether one of these has a key without a valid character.
    pub(crate) fn has_bad_key(&self) -> bool {
        self.attributes().any(|attribute| BAD_KEYS.contains(&&*attribute.key))
    }
}

impl fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = self.resource.resource.as_ref();
        let scope = self.metric.map(|(scope, _)| &scope.scope);
        write!(f, "{resource:?}\n{scope:?}\n{:?}", self.metrics().collect::<Vec<_>>())
    }
}

/// What a receiver made of a case.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Written {
    /// Whether it accepted the whole request.
    pub(crate) is_accepted: bool,
    pub(crate) series: Stored,
}

/// All cases, by the label [`KEY`] of their series.
pub(crate) fn cases(requests: &[Generated]) -> BTreeMap<String, Case<'_>> {
    let mut cases = BTreeMap::new();
    let mut metrics = 0;
    for (request, generated) in requests.iter().enumerate() {
        for resource in &generated.request.resource_metrics {
            let case = Case { resource, metric: None, request };
            if let Some(number) = case.attributes().find_map(number) {
                cases.insert(number, case);
            }
            for scope in &resource.scope_metrics {
                for metric in &scope.metrics {
                    metrics += 1;
                    cases.insert(
                        metrics.to_string(),
                        Case { resource, metric: Some((scope, metric)), request },
                    );
                }
            }
        }
    }
    cases
}

fn number(attribute: &KeyValue) -> Option<String> {
    match attribute.value.as_ref()?.value.as_ref()? {
        Any::StringValue(text) if attribute.key == KEY => Some(text.clone()),
        _ => None,
    }
}
