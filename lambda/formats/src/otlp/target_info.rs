//! The metric `target_info`, which has the attributes of a resource as labels.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use remote_write::{Labels, Metadata, MetricName, MetricType, NameEscaping, Point, Value};

use super::collected::Collected;
use super::labels::{IDENTIFYING, Label, LabelNames};
use super::request::Stop;
use super::value::Attribute;

const NAME: &str = "target_info";

/// The time between samples, in milliseconds: half of the 5 minutes for which a query sees one.
const INTERVAL_MS: i64 = 150_000;

/// The time before the last data point that has samples. AMP rejects older ones.
const MAX_AGE_MS: i64 = 3_600_000;

/// The times of the first and the last accepted data point of a resource, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times(Option<(i64, i64)>);

impl Times {
    pub(super) fn add(&mut self, timestamp_ms: i64) {
        let (first, last) = self.0.unwrap_or((timestamp_ms, timestamp_ms));
        self.0 = Some((first.min(timestamp_ms), last.max(timestamp_ms)));
    }

    /// The times of samples: from the first data point in steps, and at the last one.
    fn samples_ms(self) -> impl Iterator<Item = i64> {
        self.0.into_iter().flat_map(|(first, last)| {
            let first = first.max(last - MAX_AGE_MS);
            (0..)
                .map(move |step| first + step * INTERVAL_MS)
                .take_while(move |&time| time < last)
                .chain([last])
        })
    }
}

/// The labels of `target_info` by those of the resource's identity. One target has one of them.
#[derive(Debug, Default)]
pub(super) struct Targets<'a>(HashMap<Vec<String>, Labels<'a>>);

impl<'a> Targets<'a> {
    /// Adds the samples of a resource, if it has an identity and other attributes.
    pub(super) fn add(
        &mut self,
        mut attributes: Vec<Attribute<'a>>,
        identity: &[Label<'a>],
        times: Times,
        names: &mut LabelNames<'a>,
        collected: &mut Collected<'a>,
    ) -> Result<(), Stop> {
        attributes.retain(|(key, _)| !IDENTIFYING.contains(key));
        if attributes.is_empty() || identity.is_empty() || times.0.is_none() {
            return Ok(());
        }
        let labels = names.labels(&mut attributes, identity)?;
        let key = identity.iter().flat_map(|(name, value)| [name.as_str().to_owned(), value.to_string()]);
        match self.0.entry(key.collect()) {
            // A second set of attributes would make the target ambiguous in queries.
            Entry::Occupied(known) if *known.get() != labels => return Ok(()),
            Entry::Occupied(_) => {}
            Entry::Vacant(new) => {
                new.insert(labels.clone());
            }
        }
        for timestamp_ms in times.samples_ms() {
            let name = MetricName::new(NAME, NameEscaping::Reject).expect("the name is valid");
            let metrics = vec![(name, Value::float(1.0))];
            let labels = labels.clone();
            collected.push_target(Point { labels, timestamp_ms, metrics, ..Point::default() })?;
        }
        collected.describe(Metadata {
            metric_type: MetricType::Gauge.into(),
            family: NAME.to_owned(),
            help: "Target metadata".to_owned(),
            unit: String::new(),
        });
        Ok(())
    }
}
