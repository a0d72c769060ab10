//! What a full batch costs in each version of remote write: the CPU of the function, and the bytes of its requests.

use local_amp::AmpStandIn;
use local_lambda::runtime::Function;

use crate::batch::{Batch, FULL};
use crate::measure::{self, Costs};
use crate::proof::{self, Error};
use crate::subject::Subject;

/// A version and its costs.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) name: &'static str,
    pub(crate) requests: usize,
    /// Bytes of all requests as they are sent.
    pub(crate) sent_bytes: usize,
    /// The same before compression.
    pub(crate) message_bytes: usize,
    pub(crate) costs: Costs,
}

/// Measures a full batch that is written in 1.0 and in 2.0.
pub(crate) async fn measure(
    subject: &Subject,
    rounds: usize,
) -> Result<Vec<Version>, Box<dyn std::error::Error>> {
    let mut subjects = Vec::new();
    for name in ["1.0", "2.0"] {
        let options = subject.options.clone().env("REMOTE_WRITE_PROTOCOL", name);
        subjects.push(Subject { name, options, ..subject.clone() });
    }
    let batch = Batch::of(FULL);
    proof::same_samples(&subjects, &batch).await?;
    let mut sizes = Vec::new();
    for subject in &subjects {
        sizes.push(sizes_of(subject, &batch).await?);
    }
    let measured = measure::invocations(&subjects, batch, rounds).await?;
    let versions = subjects.iter().zip(sizes).zip(measured.costs);
    Ok(versions
        .map(|((subject, [requests, sent_bytes, message_bytes]), costs)| Version {
            name: subject.name,
            requests,
            sent_bytes,
            message_bytes,
            costs,
        })
        .collect())
}

/// The number of requests, their bytes, and the bytes of their messages.
async fn sizes_of(subject: &Subject, batch: &Batch) -> Result<[usize; 3], Error> {
    let stand_in = AmpStandIn::start(proof::receiver(None)).await.map_err(Error::StandIn)?;
    let options = subject.options.clone().env("REMOTE_WRITE_URL", stand_in.remote_write_url());
    let mut function = Function::spawn(options).await.map_err(|error| Error::Start(subject.name, error))?;
    let invocation = function.invoke(batch.payload.clone()).await;
    subject.check(batch, &invocation)?;
    let requests = stand_in.requests();
    let message_bytes = requests.iter().filter_map(|request| request.decoded_bytes).sum();
    Ok([requests.len(), requests.iter().map(|request| request.body_bytes).sum(), message_bytes])
}
