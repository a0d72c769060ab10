//! One case: requests, one after the other, to a workspace of their own, and the expected result.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use local_amp::LabelSet;
use local_amp::proto::TimeSeries;

use crate::request::Request;

/// The limits of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tenant {
    /// AMP's.
    Default,
    /// An out-of-order window of 0.
    NoWindow,
    /// 10 samples a second.
    Rate10,
    /// One series.
    OneSeries,
    /// The HA tracker is on.
    HaTracker,
}

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) limits: Tenant,
    pub(crate) requests: Vec<Request>,
    /// The status of the last answer. Those before it are 200.
    status: u16,
    /// A part of the last answer's text.
    text: &'static str,
    stored: &'static str,
    /// Status and text of the stand-in where they differ; it stores nothing then. And the reason.
    pub(crate) stand_in: Option<(u16, &'static str, &'static str)>,
}

/// A case in which every request is taken, and nothing is stored.
pub(crate) fn case(name: &'static str) -> Case {
    let (requests, limits) = (Vec::new(), Tenant::Default);
    Case { name, limits, requests, status: 200, text: "", stored: "", stand_in: None }
}

impl Case {
    pub(crate) fn limits(self, limits: Tenant) -> Self {
        Self { limits, ..self }
    }

    pub(crate) fn write(self, series: impl Into<Vec<TimeSeries>>) -> Self {
        self.send(Request::of_series(series.into()))
    }

    pub(crate) fn send(mut self, request: Request) -> Self {
        self.requests.push(request);
        self
    }

    pub(crate) fn answers(self, status: u16, text: &'static str) -> Self {
        Self { status, text, ..self }
    }

    pub(crate) fn refuses(self, text: &'static str) -> Self {
        self.answers(400, text)
    }

    /// As [`render`] writes it.
    pub(crate) fn stores(self, stored: &'static str) -> Self {
        Self { stored, ..self }
    }

    pub(crate) fn but_the_stand_in(self, status: u16, text: &'static str, reason: &'static str) -> Self {
        Self { stand_in: Some((status, text, reason)), ..self }
    }

    /// The name of a tenant for this case.
    pub(crate) fn tenant(&self) -> String {
        self.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
    }

    pub(crate) fn expected_of_cortex(&self) -> Outcome {
        self.outcome(self.status, self.text, self.stored)
    }

    pub(crate) fn expected_of_the_stand_in(&self) -> Outcome {
        match self.stand_in {
            Some((status, text, _)) => self.outcome(status, text, ""),
            None => self.expected_of_cortex(),
        }
    }

    fn outcome(&self, status: u16, text: &str, stored: &str) -> Outcome {
        let mut statuses = vec![200; self.requests.len() - 1];
        statuses.push(status);
        Outcome { statuses, text: Text::Has(text.to_owned()), stored: stored.to_owned() }
    }
}

/// The result of a case.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) statuses: Vec<u16>,
    pub(crate) text: String,
    pub(crate) stored: String,
}

/// The expected result.
#[derive(Debug)]
pub(crate) struct Outcome {
    statuses: Vec<u16>,
    text: Text,
    stored: String,
}

#[derive(Debug)]
enum Text {
    /// An answer without a text, if this is empty.
    Has(String),
    Is(String),
}

impl Outcome {
    pub(crate) fn exactly(found: &Found) -> Self {
        let text = Text::Is(without_address(&found.text));
        Self { statuses: found.statuses.clone(), text, stored: found.stored.clone() }
    }

    pub(crate) fn difference(&self, name: &str, found: &Found) -> Option<String> {
        let text = match &self.text {
            Text::Has(part) if part.is_empty() => found.text.is_empty(),
            Text::Has(part) => found.text.contains(part),
            Text::Is(text) => *text == without_address(&found.text),
        };
        if text && self.statuses == found.statuses && self.stored == found.stored {
            return None;
        }
        let mut difference = format!("{name}:");
        let _ = write!(difference, "\n  expected {:?} {:?} {:?}", self.statuses, self.text, self.stored);
        let _ = write!(difference, "\n  got      {:?} {:?} {:?}", found.statuses, found.text, found.stored);
        Some(difference)
    }
}

/// Errors of an ingester name its address.
fn without_address(text: &str) -> String {
    let Some((before, rest)) = text.split_once("addr=") else { return text.to_owned() };
    let after = rest.find(' ').map_or("", |end| &rest[end..]);
    format!("{before}addr={after}")
}

/// A value as it is read back.
pub(crate) enum Value {
    Float(f64),
    /// The count of observations, and of populated buckets.
    Histogram(f64, usize),
}

/// The values of every series by timestamp.
pub(crate) type Stored = BTreeMap<LabelSet, BTreeMap<i64, Value>>;

/// `m{a=1} -30s=2 +0s=1 | n +0s=H(count=7,buckets=4)`: labels, then times relative to `now_ms` with values. Of many labels
/// the first three are shown, and of long ones the beginning.
pub(crate) fn render(now_ms: i64, stored: &Stored) -> String {
    let mut texts: Vec<String> = stored.iter().map(|(labels, values)| one(now_ms, labels, values)).collect();
    texts.sort();
    texts.join(" | ")
}

fn one(now_ms: i64, labels: &LabelSet, values: &BTreeMap<i64, Value>) -> String {
    let cut = |text: &str| match text.char_indices().nth(8) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    };
    let others: Vec<_> = labels.iter().filter(|(name, _)| *name != "__name__").collect();
    let shown: Vec<String> =
        others.iter().take(3).map(|(name, value)| format!("{}={}", cut(name), cut(value))).collect();
    let mut text = labels.get("__name__").map(|name| cut(name)).unwrap_or_default();
    if !shown.is_empty() {
        let _ = write!(text, "{{{}{}}}", shown.join(","), if others.len() > 3 { ",…" } else { "" });
    }
    for (timestamp, value) in values {
        let relative = *timestamp - now_ms;
        let (seconds, milliseconds) = (relative.abs() / 1_000, relative.abs() % 1_000);
        let sign = if relative < 0 { '-' } else { '+' };
        let fraction = if milliseconds == 0 { String::new() } else { format!(".{milliseconds:03}") };
        let _ = write!(text, " {sign}{seconds}{fraction}s=");
        let _ = match value {
            Value::Float(value) if value.is_infinite() => write!(text, "{value:+}"),
            Value::Float(value) => write!(text, "{value}"),
            Value::Histogram(count, buckets) => write!(text, "H(count={count},buckets={buckets})"),
        };
    }
    text
}
