//! The counts of every part of the stack.

use serde_json::{Value, json};

use super::queues::QueueDepth;
use local_amp::AmpCounts;
use local_lambda::event_source;
use local_lambda::service::Counts;

/// The counts at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) queue: QueueDepth,
    pub(crate) dead_letters: u64,
    pub(crate) event_source: event_source::Figures,
    pub(crate) function: Counts,
    pub(crate) amp: AmpCounts,
}

impl Figures {
    pub(crate) fn to_json(self) -> Value {
        json!({
            "queue": { "visible": self.queue.visible, "inFlight": self.queue.in_flight },
            "deadLetters": self.dead_letters,
            "eventSource": {
                "received": self.event_source.received,
                "inFlight": self.event_source.in_flight,
                "invocations": self.event_source.invocations,
                "failedInvocations": self.event_source.failed_invocations,
                "deleted": self.event_source.deleted,
                "givenBack": self.event_source.given_back,
            },
            "function": {
                "invocations": self.function.invocations,
                "errors": self.function.errors,
                "throttles": self.function.throttles,
            },
            "amp": {
                "requests": self.amp.requests,
                "series": self.amp.series,
                "samples": self.amp.samples,
            },
        })
    }
}
