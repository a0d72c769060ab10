//! Faults on demand: which requests fail, how often, and how. The first fault that matches a request applies.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prometheus_proto::{TimeSeries, WriteRequest};

/// One fault.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The requests that it applies to.
    pub when: Matcher,
    /// How many more requests it applies to; `None` for all.
    pub times: Option<u32>,
    /// What happens to these requests.
    pub action: Action,
}

impl Fault {
    /// A fault that stays.
    pub fn always(when: Matcher, action: Action) -> Self {
        Self { when, times: None, action }
    }

    /// A fault that ends after some requests.
    pub fn times(times: u32, when: Matcher, action: Action) -> Self {
        Self { when, times: Some(times), action }
    }
}

/// The requests that a fault applies to. All but [`Matcher::Any`] match only requests that could be decoded.
#[derive(Clone)]
pub enum Matcher {
    /// Every request, even one that breaks the rules.
    Any,
    /// A request that contains such a series.
    Series(SeriesMatcher),
    /// A request with more samples than this.
    SamplesOver(usize),
    /// A request whose decoded body is longer than this.
    DecodedBytesOver(usize),
    /// A request that satisfies this predicate.
    Request(Arc<dyn Fn(&WriteRequest) -> bool + Send + Sync>),
}

impl Matcher {
    /// Requests that contain a series with this label.
    pub fn series(label: &str, value: &str) -> Self {
        Self::Series(SeriesMatcher::new(label, value))
    }

    fn matches(&self, decoded: Option<(&WriteRequest, usize)>) -> bool {
        let Some((request, bytes)) = decoded else { return matches!(self, Self::Any) };
        match self {
            Self::Any => true,
            Self::Series(series) => request.timeseries.iter().any(|candidate| series.matches(candidate)),
            Self::SamplesOver(limit) => {
                request.timeseries.iter().map(|series| series.samples.len()).sum::<usize>() > *limit
            }
            Self::DecodedBytesOver(limit) => bytes > *limit,
            Self::Request(predicate) => predicate(request),
        }
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => write!(f, "Any"),
            Self::Series(series) => write!(f, "{series:?}"),
            Self::SamplesOver(limit) => write!(f, "SamplesOver({limit})"),
            Self::DecodedBytesOver(limit) => write!(f, "DecodedBytesOver({limit})"),
            Self::Request(_) => write!(f, "Request(..)"),
        }
    }
}

/// Series with one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesMatcher {
    label: String,
    value: String,
}

impl SeriesMatcher {
    /// Series whose `label` has this value; `__name__` is a label like any other.
    pub fn new(label: &str, value: &str) -> Self {
        Self { label: label.to_owned(), value: value.to_owned() }
    }

    pub(super) fn matches(&self, series: &TimeSeries) -> bool {
        series.labels.iter().any(|label| label.name == self.label && label.value == self.value)
    }
}

/// The effect of a fault on a request.
#[derive(Debug, Clone)]
pub enum Action {
    /// This answer, and nothing is stored.
    Status {
        /// The status.
        code: u16,
        /// Further headers, such as `retry-after`.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
    },
    /// No answer, ever; the connection stays open.
    Hang,
    /// A head at once, then one byte of body at each interval without end; nothing is stored.
    SlowTrickle {
        /// The status in the head.
        code: u16,
        /// The time between two bytes.
        interval: Duration,
    },
    /// The connection is reset (RST) without an answer; nothing is stored.
    Reset,
    /// The receiver refuses these series, as it would refuse samples that break a rule; [`super::Ingestion`] decides
    /// on the others of the same request. With status 204, only the numbers of a receiver of 2.0 show it.
    RefuseSeries {
        /// The series.
        series: SeriesMatcher,
        /// The status of the answer.
        code: u16,
        /// The text of the answer.
        text: String,
    },
    /// The request is stored, then the connection is closed without an answer.
    AcceptThenDrop,
    /// The request is treated as usual, after this time.
    Delay(Duration),
}

impl Action {
    /// An answer without further headers.
    pub fn status(code: u16, body: &str) -> Self {
        Self::Status { code, headers: Vec::new(), body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    /// An answer with a `Retry-After` header (seconds or a date).
    pub fn retry_after(code: u16, retry_after: &str) -> Self {
        let headers = vec![("retry-after".to_owned(), retry_after.to_owned())];
        Self::Status { code, headers, body: Bytes::new() }
    }
}

/// The action of the first fault that matches; it counts as one use of that fault.
pub(super) fn take_action(faults: &mut [Fault], decoded: Option<(&WriteRequest, usize)>) -> Option<Action> {
    let position = faults.iter().position(|fault| fault.times != Some(0) && fault.when.matches(decoded))?;
    let fault = &mut faults[position];
    let action = fault.action.clone();
    if let Some(left) = &mut fault.times {
        *left -= 1;
    }
    Some(action)
}
