//! Sends one request, and decides what its answer means for the samples.

use std::rc::Rc;
use std::time::Duration;

use aws::{Cause, Failure, Patience, Response};
use remote_write::{EncodedRequest, Sample};
use tokio::time::Instant;

use super::sender::{Sender, out_of_time};
use super::{Meaning, classify};
use crate::outcome::{Outcome, Reason};

/// The receiver's answer to a request.
pub(super) enum Answer {
    /// [`Outcome::Delivered`] or [`Outcome::Deduplicated`].
    Done(Outcome),
    /// The data or the size is rejected.
    Rejected(Rejection),
    /// Repeatedly, the receiver could not take it; it may take a smaller one.
    Busy(Failure),
    /// It cannot be delivered now.
    Failed(Rc<Reason>),
}

/// What a receiver rejects about a request, with its response.
#[derive(Clone, Debug)]
pub(super) enum Rejection {
    Data(Response),
    Size(Response),
}

impl<S: AsyncFn(EncodedRequest, Patience) -> Result<Response, Failure>> Sender<'_, S> {
    /// Sends a request of `samples`, and sends it again until `busy_until` while the receiver answers that it cannot take
    /// it, and until the step ends while there is no answer.
    pub(super) async fn send(
        &self,
        samples: &[Sample],
        request: EncodedRequest,
        busy_until: Instant,
    ) -> Answer {
        if let Some(reason) = &*self.wrong_url.borrow() {
            return Answer::Failed(Rc::clone(reason));
        }
        if self.is_late() {
            // Encoding takes time too.
            return Answer::Failed(out_of_time());
        }
        let (count, bytes) = (request.samples, request.body.len());
        if bytes > self.limits.max_request_bytes {
            // Snappy makes a message of random bytes a little longer, and the receiver's answer is known.
            return Answer::Rejected(Rejection::Size(Response::new(413, "larger than a request may be")));
        }
        let response = match self.exchange(request, busy_until).await {
            Ok(response) => response,
            Err(failure) if is_busy(&failure) => {
                self.failures_in_a_row.set(self.failures_in_a_row.get() + 1);
                return Answer::Busy(failure);
            }
            Err(failure) => return Answer::Failed(Reason::Failed(failure).into()),
        };
        self.failures_in_a_row.set(0);
        let is_replica = samples.first().is_some_and(|sample| self.series.has_replica(sample.series));
        match classify(response.status) {
            Meaning::Written if response.is_stored() => {
                self.receiver.prove();
                self.delivery.borrow_mut().figures.samples += count;
                Answer::Done(Outcome::Delivered)
            }
            Meaning::Deduplicated if is_replica => {
                self.receiver.prove();
                Answer::Done(Outcome::Deduplicated)
            }
            Meaning::Deduplicated => Answer::Failed(Reason::NothingStored(response).into()),
            Meaning::Written => Answer::Failed(Reason::UnexpectedBody(response).into()),
            Meaning::DataRejected if response.status == 400 => match self.test_receiver(&response).await {
                Ok(()) => Answer::Rejected(Rejection::Data(response)),
                Err(reason) => Answer::Failed(reason),
            },
            Meaning::DataRejected => Answer::Rejected(Rejection::Data(response)),
            Meaning::TooLarge => Answer::Rejected(Rejection::Size(response)),
            Meaning::NotNow => Answer::Failed(Reason::Failed(Failure::answered(response)).into()),
        }
    }

    async fn exchange(&self, request: EncodedRequest, busy_until: Instant) -> Result<Response, Failure> {
        let bytes = request.body.len();
        let until = self.until();
        let result = (self.send)(request, Patience { busy: busy_until.min(until), deadline: until }).await;
        let attempts = result.as_ref().map_or_else(|failure| failure.attempts, |response| response.attempts);
        self.delivery.borrow_mut().count(bytes, attempts);
        result
    }

    /// Tests with an empty write request that the URL is that of a remote-write receiver, unless it has accepted a request
    /// before. The path of a query answers 400 to any write request, as a receiver does to invalid data.
    ///
    /// # Errors
    /// The reason why the request that had `response` cannot be delivered now.
    async fn test_receiver(&self, response: &Response) -> Result<(), Rc<Reason>> {
        if self.receiver.is_proven() {
            return Ok(());
        }
        let _only_one = self.testing.lock().await;
        if let Some(reason) = &*self.wrong_url.borrow() {
            return Err(Rc::clone(reason));
        }
        if self.receiver.is_proven() {
            return Ok(());
        }
        let empty = self.exchange(self.series.encode(&[]), self.in_share(4, Duration::ZERO)).await;
        let empty = empty.map_err(|failure| Rc::new(Reason::Failed(failure)))?;
        if empty.is_stored() {
            self.receiver.prove();
            return Ok(());
        }
        let reason = Rc::new(Reason::WrongUrl { response: response.clone(), empty });
        *self.wrong_url.borrow_mut() = Some(Rc::clone(&reason));
        Err(reason)
    }
}

impl Rejection {
    /// The receiver's response.
    pub(super) fn response(&self) -> &Response {
        let (Self::Data(response) | Self::Size(response)) = self;
        response
    }
}

/// Whether the receiver answered repeatedly that it cannot take the request. If it requests a wait past the deadline, there
/// is one answer.
fn is_busy(failure: &Failure) -> bool {
    let is_busy = |status| status == 429 || status >= 500;
    failure.attempts.count > 1
        && matches!(&failure.cause, Cause::Answered(response) if is_busy(response.status))
}
