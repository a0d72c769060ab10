//! Proof: that all subjects do the same job, before any of it is measured.
//!
//! Each subject that writes is given the batch once, with the strict stand-in as its receiver: signatures, order and
//! limits are checked there. What it stored must be the same for all. Out: the messages of the first subject's
//! requests, which the floor is measured with.

use std::io;

use local_amp::{AmpOptions, AmpStandIn};
use local_lambda::runtime::{Function, InitError, RoleCredentials};

use crate::batch::Batch;
use crate::subject::{Subject, WrongAnswer};
use prost::Message as _;

/// Why the figures would not be comparable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The stand-in did not come up.
    #[error("the stand-in did not start")]
    StandIn(#[source] io::Error),
    /// A subject did not come up.
    #[error("{0} did not start: {1}")]
    Start(String, InitError),
    /// A subject did something else than its job.
    #[error(transparent)]
    WrongAnswer(#[from] WrongAnswer),
    /// A subject sent what a strict receiver refuses.
    #[error("{subject} broke a rule with {records} records: {violation}")]
    Violation { subject: String, records: usize, violation: String },
    /// A subject wrote something else than was in the batch.
    #[error("{subject} wrote {written} samples of {samples}, or others than the first subject did")]
    OtherSamples { subject: String, written: usize, samples: usize },
}

/// Holds all subjects that write against each other.
pub(crate) async fn same_job(subjects: &[Subject], batch: &Batch) -> Result<Vec<Vec<u8>>, Error> {
    let mut first = None;
    let mut messages = Vec::new();
    for subject in subjects.iter().filter(|subject| subject.writes()) {
        let mut options = subject.options.clone();
        let credentials = match &options.credentials {
            RoleCredentials::Environment(credentials) => Some(credentials.clone()),
            RoleCredentials::Endpoint { .. } => None,
        };
        // The batches are the same in every run and therefore old.
        let stand_in =
            AmpOptions { credentials, max_sample_age: None, max_ahead: None, ..AmpOptions::default() };
        let stand_in = AmpStandIn::start(stand_in).await.map_err(Error::StandIn)?;
        options = options.env("REMOTE_WRITE_URL", stand_in.remote_write_url());
        let named = |error| Error::Start(subject.name.clone(), error);
        let mut function = Function::spawn(options).await.map_err(named)?;
        let invocation = function.invoke(batch.payload.clone()).await;
        let requests = stand_in.requests();
        if let Some(violation) = requests.iter().find_map(|request| request.violation.clone()) {
            return Err(Error::Violation {
                subject: subject.name.clone(),
                records: batch.records,
                violation,
            });
        }
        subject.check(batch, &invocation)?;
        let (written, series) = (stand_in.sample_count(), stand_in.series());
        if written != batch.samples || first.as_ref().is_some_and(|first| *first != series) {
            let subject = subject.name.clone();
            return Err(Error::OtherSamples { subject, written, samples: batch.samples });
        }
        if first.is_none() {
            messages = requests.iter().filter_map(|r| Some(r.request.as_ref()?.encode_to_vec())).collect();
            first = Some(series);
        }
    }
    Ok(messages)
}
