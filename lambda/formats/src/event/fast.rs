//! The fast path: an event as nearly everyone writes it, read in one pass.
//!
//! It returns what [`super::parse_event_carefully`] would, or `None` if the text has an escape, an unknown key or anything
//! invalid, and then that function decides. A property test and a fuzz target compare the two.

use std::borrow::Cow;

use remote_write::{LabelName, Labels, MetricName, NameEscaping, Point, Value};

use super::Event;
use super::careful::{Metrics, first_duplicate};
use super::value::{parse_number, parse_text, parse_timestamp};
use crate::json::Json;

/// Reads an event that has its three keys, each once and no other, and strings without escapes.
pub(super) fn event(text: &str, escaping: NameEscaping) -> Option<Event<'_>> {
    read(Json::<false>::new(text), escaping)
}

/// Reads such an event inside a JSON string.
pub(super) fn escaped_event(text: &str, escaping: NameEscaping) -> Option<Event<'_>> {
    read(Json::<true>::new(text), escaping)
}

fn read<const IN_STRING: bool>(mut json: Json<'_, IN_STRING>, escaping: NameEscaping) -> Option<Event<'_>> {
    let (mut dimensions, mut timestamp_ms, mut values) = (None, None, None);
    json.object(|json, key| {
        let is_first = match key {
            "dimensions" => dimensions.replace(labels(json, escaping)?).is_none(),
            "timestamp" => timestamp_ms.replace(parse_timestamp(json.number()?)?).is_none(),
            "metrics" => values.replace(metrics(json, escaping)?).is_none(),
            _ => false,
        };
        is_first.then_some(())
    })?;
    json.end()?;
    let (metrics, inexact_values) = values?;
    let point = Point { labels: dimensions?, timestamp_ms: timestamp_ms?, metrics, ..Point::default() };
    Some(Event { point, inexact_values, metadata: Vec::new() })
}

fn labels<'a, const IN_STRING: bool>(
    json: &mut Json<'a, IN_STRING>,
    escaping: NameEscaping,
) -> Option<Labels<'a>> {
    let mut labels: Vec<(LabelName<'a>, Cow<'a, str>)> = Vec::with_capacity(4);
    let mut has_empty = false;
    json.object(|json, key| {
        let value = json.string()?;
        has_empty |= value.is_empty();
        labels.push((LabelName::new(key, escaping).ok()?, Cow::Borrowed(value)));
        Some(())
    })?;
    // `Labels` removes empty values, and with them any duplicate keys.
    if has_empty { None } else { Labels::new(labels).ok() }
}

fn metrics<'a, const IN_STRING: bool>(
    json: &mut Json<'a, IN_STRING>,
    escaping: NameEscaping,
) -> Option<Metrics<'a>> {
    let mut metrics = Vec::with_capacity(4);
    let mut inexact_values = 0;
    json.object(|json, key| {
        let number = match json.peek()? {
            b'-' | b'0'..=b'9' => parse_number(json.number()?)?,
            _ => parse_text(json.string()?)?,
        };
        metrics.push((MetricName::new(key, escaping).ok()?, Value::float(number.float)));
        inexact_values += usize::from(number.inexact);
        Some(())
    })?;
    let is_valid = !metrics.is_empty() && first_duplicate(&metrics, |(name, _)| name.as_str()).is_none();
    is_valid.then_some((metrics, inexact_values))
}
