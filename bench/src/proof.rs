//! Proves that all subjects write the same samples, before any of them is measured.

use std::io;

use local_amp::{AmpOptions, AmpStandIn, Credentials};
use local_lambda::runtime::{Function, InitError, RoleCredentials};

use crate::batch::Batch;
use crate::subject::{Subject, WrongAnswer};

/// Why the figures could not be compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The stand-in did not start.
    #[error("the stand-in for AMP did not start")]
    StandIn(#[source] io::Error),
    /// A subject did not start.
    #[error("{0} did not start: {1}")]
    Start(&'static str, InitError),
    /// A subject did not do its job.
    #[error(transparent)]
    WrongAnswer(#[from] WrongAnswer),
    /// A subject sent a request that breaks a rule of the protocol.
    #[error("{0} with {1}: {2}")]
    Violation(&'static str, String, String),
    /// A subject wrote other samples than the first subject.
    #[error("{0} with {1}: expected the samples of the first subject, got others")]
    OtherSamples(&'static str, String),
}

/// A receiver of both versions. The timestamps of a batch are the same in every run, and therefore old.
pub(crate) fn receiver(credentials: Option<Credentials>) -> AmpOptions {
    AmpOptions {
        credentials,
        max_sample_age: None,
        max_ahead: None,
        remote_write_2: true,
        ..AmpOptions::default()
    }
}

/// Gives the batch to every subject that writes. The strict stand-in for AMP checks signatures, order and limits; what it
/// stored must be the same for all.
pub(crate) async fn same_samples(subjects: &[Subject], batch: &Batch) -> Result<(), Error> {
    let mut first = None;
    for subject in subjects.iter().filter(|subject| subject.writes) {
        let RoleCredentials::Environment(credentials) = &subject.options.credentials else { continue };
        let stand_in =
            AmpStandIn::start(receiver(Some(credentials.clone()))).await.map_err(Error::StandIn)?;
        let options = subject.options.clone().env("REMOTE_WRITE_URL", stand_in.remote_write_url());
        let mut function =
            Function::spawn(options).await.map_err(|error| Error::Start(subject.name, error))?;
        let invocation = function.invoke(batch.payload.clone()).await;
        if let Some(violation) = stand_in.requests().into_iter().find_map(|request| request.violation) {
            return Err(Error::Violation(subject.name, batch.to_string(), violation));
        }
        subject.check(batch, &invocation)?;
        let series = stand_in.series();
        if stand_in.sample_count() != batch.samples || first.get_or_insert_with(|| series.clone()) != &series
        {
            return Err(Error::OtherSamples(subject.name, batch.to_string()));
        }
    }
    Ok(())
}
