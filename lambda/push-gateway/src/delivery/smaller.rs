//! Divides a request that the receiver repeatedly could not take.
//!
//! Waiting does not cure every 429 or 5xx: a request may have more samples than the receiver's burst, or one series at
//! which the receiver fails. Smaller requests are sent while some of them are taken. The rest waits for the receiver until
//! the end of the step, in one request, as in an outage.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use aws::{Failure, Patience, Response};
use remote_write::{EncodedRequest, Sample, SeriesId};

use super::answer::Answer;
use super::halves::{halves_by_series, halves_by_size};
use super::sender::Sender;
use crate::outcome::Reason;

/// The number of smaller requests for one that the receiver could not take.
const MAX_REQUESTS: usize = 64;

/// The number of parts of the first division, if there are as many series.
const FIRST_PARTS: usize = 16;

/// The number of smaller requests in a row that the receiver does not take, after which the size is not the cause.
const MAX_FAILURES_IN_A_ROW: u32 = 4;

/// The shortest time for which a smaller request is sent again: about three attempts.
const SHORTEST: Duration = Duration::from_millis(200);

impl<S: AsyncFn(EncodedRequest, Patience) -> Result<Response, Failure>> Sender<'_, S> {
    /// Sends `samples`, whose request ended with `failure`, in smaller requests.
    pub(super) async fn send_smaller(&self, samples: &[Sample], failure: Failure) {
        self.failures_in_a_row.set(0);
        self.remember_delivered();
        let mut parts = VecDeque::new();
        let mut waiting = Vec::new();
        self.halve(samples.to_vec(), &mut parts, &mut waiting);
        // Of many parts some are taken, even if several series are the cause.
        while parts.len() < FIRST_PARTS {
            let before = parts.len();
            for _ in 0..before {
                let Some(part) = parts.pop_front() else { break };
                match halves_by_series(&part) {
                    Some((first, second)) => parts.extend([first, second]),
                    None => parts.push_back(part),
                }
            }
            if parts.len() == before {
                break;
            }
        }
        let mut blocked: HashSet<SeriesId> = waiting.iter().map(|sample| sample.series).collect();
        let mut left = MAX_REQUESTS;
        while let Some(samples) = parts.pop_front() {
            let samples = self.sendable(samples, |_| false);
            let Some(first) = samples.first() else { continue };
            if left == 0
                || self.failures_in_a_row.get() >= MAX_FAILURES_IN_A_ROW
                || blocked.contains(&first.series)
            {
                blocked.extend(samples.iter().map(|sample| sample.series));
                waiting.extend(samples);
                continue;
            }
            left -= 1;
            let (request, hash) = self.encode(&samples);
            match self.send(&samples, request, self.in_share(16, SHORTEST)).await {
                Answer::Busy(_) => {
                    let before = waiting.len();
                    self.halve(samples, &mut parts, &mut waiting);
                    blocked.extend(waiting[before..].iter().map(|sample| sample.series));
                }
                answer => Box::pin(self.settle_troubled(&samples, hash, answer)).await,
            }
        }
        // As they were in the whole; samples of a series came in the order of time.
        waiting.sort_by_key(|sample| (sample.series, sample.timestamp_ms));
        let waiting = self.sendable(waiting, |_| false);
        if waiting.is_empty() {
            return;
        }
        let (request, hash) = self.encode(&waiting);
        match self.send(&waiting, request, self.until()).await {
            Answer::Busy(mut last) => {
                last.attempts = failure.attempts + last.attempts;
                self.block(&waiting, &Reason::Failed(last).into());
            }
            answer => Box::pin(self.settle_troubled(&waiting, hash, answer)).await,
        }
    }

    /// Adds the halves of `samples` to `parts`: two of one series come next, in order, any others last.
    fn halve(&self, samples: Vec<Sample>, parts: &mut VecDeque<Vec<Sample>>, waiting: &mut Vec<Sample>) {
        if let Some((first, second)) = halves_by_series(&samples) {
            parts.extend([first, second]);
        } else if let Some((first, second)) = halves_by_size(self.series, &samples) {
            parts.push_front(second);
            parts.push_front(first);
        } else {
            waiting.extend(samples);
        }
    }
}
