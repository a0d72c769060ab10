//! Fast path: an event as nearly everyone writes it, read in one pass.
//!
//! In: the text of an event. Out: what the careful reader would make of it, or `None` at the slightest doubt: an escape,
//! an unknown key, anything invalid. Then the careful reader decides, and says what is wrong. A property test and a fuzz
//! target hold both against each other.

use std::borrow::Cow;

use remote_write::{LabelName, Labels, MetricName, NameEscaping};

use super::{Event, first_duplicate};
use crate::json::Json;
use crate::value::{Value, parse_number, parse_text, parse_timestamp};

/// Reads an event that has its three keys, each once and no other, and strings without escapes.
pub(super) fn event(text: &str, escaping: NameEscaping) -> Option<Event<'_>> {
    read(Json::<false>::new(text), escaping)
}

/// Reads such an event inside of a JSON string.
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
    Some(Event { labels: dimensions?, timestamp_ms: timestamp_ms?, metrics: values? })
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
    // `Labels` forgets empty values, and with them whether their keys are there twice.
    if has_empty { None } else { Labels::new(labels).ok() }
}

fn metrics<'a, const IN_STRING: bool>(
    json: &mut Json<'a, IN_STRING>,
    escaping: NameEscaping,
) -> Option<Vec<(MetricName<'a>, Value)>> {
    let mut metrics = Vec::with_capacity(4);
    json.object(|json, key| {
        let value = match json.peek()? {
            b'-' | b'0'..=b'9' => parse_number(json.number()?)?,
            _ => parse_text(json.string()?)?,
        };
        metrics.push((MetricName::new(key, escaping).ok()?, value));
        Some(())
    })?;
    let is_valid = !metrics.is_empty() && first_duplicate(&metrics, |(name, _)| name.as_str()).is_none();
    is_valid.then_some(metrics)
}
