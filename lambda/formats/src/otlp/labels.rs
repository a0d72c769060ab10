//! The labels that attributes become.

use std::borrow::Cow;
use std::mem;

use remote_write::{InvalidName, LabelName, Labels};

use super::names;
use super::refusal::Refusal;
use super::value::Attribute;
use crate::limits::KNOWN_LABELS;

/// A label of a data point.
pub(super) type Label<'a> = (LabelName<'a>, Cow<'a, str>);

/// The label names of attributes.
#[derive(Debug, Default)]
pub(super) struct LabelNames<'a> {
    /// Those of the data points before, by their positions; `None` for one that is left out. Most points have those of the
    /// one before.
    known: Vec<(&'a str, Option<LabelName<'a>>)>,
    /// The labels of the attributes alone; kept for its memory.
    own: Vec<Label<'a>>,
}

impl<'a> LabelNames<'a> {
    /// The labels of `attributes`, and those of `fixed`, which replace them and are in the order of their names. Values of
    /// keys that become the same name are joined by semicolons in the order of the keys.
    pub(super) fn labels(
        &mut self,
        attributes: &mut Vec<Attribute<'a>>,
        fixed: &[Label<'a>],
    ) -> Result<Labels<'a>, Refusal> {
        attributes.sort_by_key(|(key, _)| *key);
        self.own.clear();
        for (at, (key, value)) in attributes.drain(..).enumerate() {
            if let Some(name) = self.name(at, key)? {
                self.own.push((name, value));
            }
        }
        joined(&mut self.own);
        let mut labels = Vec::with_capacity(self.own.len() + fixed.len());
        let mut fixed = fixed.iter().peekable();
        for (name, value) in self.own.drain(..) {
            while let Some(before) = fixed.next_if(|(other, _)| other.as_str() < name.as_str()) {
                labels.push(before.clone());
            }
            if fixed.peek().is_none_or(|(other, _)| other.as_str() != name.as_str()) {
                labels.push((name, value));
            }
        }
        labels.extend(fixed.cloned());
        Ok(Labels::new(labels).expect("labels of the same name are joined"))
    }

    /// The name for `key`, the attribute at this position; `None` for the one that belongs to the metric name.
    fn name(&mut self, at: usize, key: &'a str) -> Result<Option<LabelName<'a>>, Refusal> {
        if let Some((known, name)) = self.known.get(at)
            && *known == key
        {
            return Ok(name.clone());
        }
        let name = match names::label(key) {
            Ok(name) => Some(name),
            Err(InvalidName::Reserved) => None,
            Err(reason) => return Err(Refusal::Attribute(reason)),
        };
        if at < KNOWN_LABELS {
            self.known.truncate(at);
            // A position before it may have been left out by an error.
            if self.known.len() == at {
                self.known.push((key, name.clone()));
            }
        }
        Ok(name)
    }
}

/// The attributes of a resource that identify it.
pub(super) const IDENTIFYING: [&str; 3] = [NAMESPACE, SERVICE, INSTANCE];
const NAMESPACE: &str = "service.namespace";
const SERVICE: &str = "service.name";
const INSTANCE: &str = "service.instance.id";

/// The labels `instance` and `job` of a resource with these attributes, if it has them.
pub(super) fn of_identity<'a>(attributes: &[Attribute<'a>]) -> Vec<Label<'a>> {
    let value = |wanted| attributes.iter().find(|(key, _)| *key == wanted).map(|(_, value)| value.clone());
    let job = match (value(NAMESPACE), value(SERVICE)) {
        (Some(namespace), Some(service)) => Some(Cow::Owned(format!("{namespace}/{service}"))),
        (_, service) => service,
    };
    let labels = [("instance", value(INSTANCE)), ("job", job)];
    let labels = labels.into_iter().filter_map(|(name, value)| Some((names::own(name), value?)));
    labels.filter(|(_, value)| !value.is_empty()).collect()
}

/// The labels of a scope with this name, version and URL of its schema, in the order of their names. They replace attributes
/// that become the same names.
pub(super) fn of_scope<'a>(
    [name, version, schema_url]: [&'a str; 3],
    mut attributes: Vec<Attribute<'a>>,
) -> Vec<Label<'a>> {
    let own = [
        (names::own("otel_scope_name"), Cow::Borrowed(name)),
        (names::own("otel_scope_version"), Cow::Borrowed(version)),
        (names::own("otel_scope_schema_url"), Cow::Borrowed(schema_url)),
    ];
    attributes.sort_by_key(|(key, _)| *key);
    let name = |key| names::label(format!("otel_scope_{key}")).expect("a name with letters is valid");
    let mut labels: Vec<_> = attributes.into_iter().map(|(key, value)| (name(key), value)).collect();
    joined(&mut labels);
    labels.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
    labels.extend(own);
    labels.retain(|(_, value)| !value.is_empty());
    labels.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
    labels
}

/// Joins the values of labels with the same name.
fn joined(labels: &mut Vec<Label<'_>>) {
    if labels.is_sorted_by(|(a, _), (b, _)| a.as_str() < b.as_str()) {
        return;
    }
    // Stable, so that equal names stay in the order of their keys.
    labels.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
    labels.dedup_by(|(name, value), (known, values)| {
        let is_same = name.as_str() == known.as_str();
        if is_same {
            if values.is_empty() {
                *values = mem::take(value);
            } else {
                // In place, because there may be as many as a body has bytes for.
                let values = values.to_mut();
                values.push(';');
                values.push_str(value);
            }
        }
        is_same
    });
}
