//! Records every request with its beginning and end, to find requests that travelled at once.

use std::collections::VecDeque;
use std::sync::Arc;

use http::HeaderMap;
use prometheus_proto::WriteRequest;
use tokio::time::Instant;

use super::Shared;
use super::series::{LabelSet, label_set};

/// One request as the receiver saw it.
#[derive(Debug, Clone)]
pub struct ReceivedRequest {
    /// The position of its beginning among all beginnings and ends of requests.
    pub began: u64,
    /// The position of its end (answered or given up); `None` while it is in flight.
    pub ended: Option<u64>,
    /// When its head arrived.
    pub began_at: Instant,
    /// When it was answered or given up.
    pub ended_at: Option<Instant>,
    /// Which connection brought it, counted from zero.
    pub connection: u64,
    /// Its method.
    pub method: http::Method,
    /// Its path, with the query if there is one.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Length of its body as it arrived.
    pub body_bytes: usize,
    /// Length of its body after snappy.
    pub decoded_bytes: Option<usize>,
    /// The decoded message, if it could be decoded.
    pub request: Option<Arc<WriteRequest>>,
    /// The rule that it broke, even if a fault decided on the answer.
    pub violation: Option<String>,
    /// The status of the answer; `None` if there was no answer.
    pub status: Option<u16>,
    /// Whether the body of the answer never ends, so that the sender has to give up.
    pub endless: bool,
    /// The text of the answer.
    pub answer: String,
}

impl ReceivedRequest {
    /// How many samples it carried.
    pub fn sample_count(&self) -> usize {
        let series = self.request.iter().flat_map(|request| &request.timeseries);
        series.map(|series| series.samples.len()).sum()
    }

    /// The label sets it carried.
    pub fn label_sets(&self) -> Vec<LabelSet> {
        let series = self.request.iter().flat_map(|request| &request.timeseries);
        series.map(label_set).collect()
    }

    /// Whether it was answered with a 2xx.
    pub fn is_delivered(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// Two requests in flight at once with a series in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// The position, in [`super::AmpStandIn::requests`], of the one that began first.
    pub first: usize,
    /// The position of the other.
    pub second: usize,
    /// The series.
    pub series: LabelSet,
}

/// The latest requests, and how many there were before them.
#[derive(Debug, Default)]
pub(super) struct Journal {
    requests: VecDeque<ReceivedRequest>,
    forgotten: usize,
    ticks: u64,
}

impl Journal {
    pub(super) fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.iter().cloned().collect()
    }

    /// How many requests there were, the forgotten ones included.
    pub(super) fn count(&self) -> usize {
        self.forgotten + self.requests.len()
    }

    /// Enters a request, and forgets the oldest beyond `limit`. Returns its number.
    fn push(&mut self, request: ReceivedRequest, limit: usize) -> usize {
        self.requests.push_back(request);
        if self.requests.len() > limit {
            self.requests.pop_front();
            self.forgotten += 1;
        }
        self.count() - 1
    }

    fn get_mut(&mut self, number: usize) -> Option<&mut ReceivedRequest> {
        self.requests.get_mut(number.checked_sub(self.forgotten)?)
    }

    fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    /// A request ends when its answer is handed to the connection, so requests of a sender that waits for its answers
    /// never overlap. A sender that gave up on an answer may begin the next request before the server notices: such
    /// pairs count only if they overlapped for longer than that can take.
    pub(super) fn overlaps(&self) -> Vec<Overlap> {
        const NOTICING: std::time::Duration = std::time::Duration::from_millis(500);
        let mut found = Vec::new();
        for (second, later) in self.requests.iter().enumerate() {
            for (first, earlier) in self.requests.range(..second).enumerate() {
                if earlier.ended.is_some_and(|ended| ended < later.began) {
                    continue;
                }
                let given_up = earlier.status.is_none() || earlier.endless;
                let noticed_late = given_up
                    && earlier.ended_at.is_some_and(|ended| ended.duration_since(later.began_at) < NOTICING);
                if noticed_late {
                    continue;
                }
                let theirs = earlier.label_sets();
                let shared = later.label_sets().into_iter().filter(|series| theirs.contains(series));
                found.extend(shared.map(|series| Overlap { first, second, series }));
            }
        }
        found
    }
}

/// The open entry of a request in flight; dropping it is the end of the request.
#[derive(Debug)]
pub(super) struct Entry {
    shared: Arc<Shared>,
    number: usize,
}

impl Entry {
    pub(super) fn open(shared: Arc<Shared>, head: &http::request::Parts, connection: u64) -> Self {
        let number = {
            let mut state = shared.state();
            let began = state.journal.tick();
            let request = ReceivedRequest {
                began,
                ended: None,
                began_at: Instant::now(),
                ended_at: None,
                connection,
                method: head.method.clone(),
                path: head.uri.to_string(),
                headers: head.headers.clone(),
                body_bytes: 0,
                decoded_bytes: None,
                request: None,
                violation: None,
                status: None,
                endless: false,
                answer: String::new(),
            };
            state.journal.push(request, shared.options.journal_limit)
        };
        Self { shared, number }
    }

    /// Adds to the entry, unless a [`super::AmpStandIn::reset`] removed it.
    pub(super) fn note(&self, add: impl FnOnce(&mut ReceivedRequest)) {
        if let Some(request) = self.shared.state().journal.get_mut(self.number) {
            add(request);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        let tick = state.journal.tick();
        if let Some(request) = state.journal.get_mut(self.number) {
            request.ended = Some(tick);
            request.ended_at = Some(Instant::now());
        }
    }
}
