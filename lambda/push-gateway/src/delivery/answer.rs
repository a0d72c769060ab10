//! Sends one request, and decides what its answer means for the samples.

use std::rc::Rc;
use std::time::Duration;

use aws::{Cause, Failure, Patience, Response};
use remote_write::{EncodedRequest, Sample, Version};
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
        mut request: EncodedRequest,
        busy_until: Instant,
    ) -> Answer {
        if let Some(reason) = &*self.wrong_url.borrow() {
            return Answer::Failed(Rc::clone(reason));
        }
        if self.is_late() {
            // Encoding takes time too.
            return Answer::Failed(out_of_time());
        }
        let count = request.samples;
        let (version, response) = loop {
            if request.body.len().max(request.decoded_len) > self.limits.max_request_bytes {
                // Snappy makes a message of random bytes a little longer, and a request that was planned in 2.0 is longer in
                // 1.0. The receiver's answer is known.
                return Answer::Rejected(Rejection::Size(Response::new(413, "larger than a request may be")));
            }
            let version = request.version;
            let response = match self.exchange(request, busy_until).await {
                Ok(response) => response,
                Err(failure) if is_busy(&failure) => {
                    self.failures_in_a_row.set(self.failures_in_a_row.get() + 1);
                    return Answer::Busy(failure);
                }
                Err(failure) => return Answer::Failed(Reason::Failed(failure).into()),
            };
            if !self.receiver.falls_back(version, &response) {
                break (version, response);
            }
            request = self.series.encode(samples, self.receiver.version());
        };
        self.failures_in_a_row.set(0);
        let is_replica = samples.first().is_some_and(|sample| self.series.has_replica(sample.series));
        match classify(response.status) {
            // Only a receiver sends the headers with numbers of written samples, so the URL is right whatever the body is.
            Meaning::Written if response.is_stored() || response.written.is_some() => {
                self.written(count, version, response)
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

    /// What a success of a request of `count` samples means. One of 2.0 counts as far as its number of written samples goes:
    /// the rest is isolated as if it were rejected, which some receivers do not say by the status.
    fn written(&self, count: usize, version: Version, response: Response) -> Answer {
        if version == Version::V2 {
            match response.written {
                None => return Answer::Failed(Reason::NotOfVersion2(response).into()),
                Some(0) if count > 0 && !self.receiver.is_proven() => {
                    return Answer::Failed(Reason::NoneWritten(response).into());
                }
                Some(written) if (written as usize) < count => {
                    self.receiver.prove();
                    let body = format!("{written} of {count} samples were written").into();
                    return Answer::Rejected(Rejection::Data(Response { body, ..response }));
                }
                Some(_) => {}
            }
        }
        self.receiver.prove();
        self.delivery.borrow_mut().figures.samples += count;
        Answer::Done(Outcome::Delivered)
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
        if response.written.is_some() {
            // Only a receiver sends this header.
            self.receiver.prove();
        }
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
        let empty = self
            .exchange(self.series.encode(&[], self.receiver.version()), self.in_share(4, Duration::ZERO))
            .await;
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
