//! Subjects: what is measured, each a Lambda function of its own under the emulator.

use std::io;
use std::path::Path;

use push_gateway_local::runtime::{FunctionOptions, Invocation};
use serde_json::Value;

use crate::batch::Batch;

/// More than a batch will ever need: with these glibc's allocator keeps the pages that it has.
const KEEPS_ITS_PAGES: [(&str, &str); 3] = [
    ("MALLOC_TRIM_THRESHOLD_", "268435456"),
    ("MALLOC_MMAP_THRESHOLD_", "268435456"),
    ("MALLOC_TOP_PAD_", "67108864"),
];

/// A function that is measured.
#[derive(Debug)]
pub(crate) struct Subject {
    /// What it is called in the tables.
    pub(crate) name: &'static str,
    /// How it is started.
    pub(crate) options: FunctionOptions,
    /// The size of its program.
    pub(crate) artifact_bytes: u64,
    job: Job,
}

/// What a subject has to do with a batch.
#[derive(Debug, Clone, Copy)]
enum Job {
    /// Write all of its samples, and say so in its metrics.
    WriteSamples,
    /// Take it and answer.
    Nothing,
}

/// Why the figures of a subject would mean nothing.
#[derive(Debug, thiserror::Error)]
#[error("{subject} did not do its job with {records} records: {reason}")]
pub(crate) struct WrongAnswer {
    subject: &'static str,
    records: usize,
    reason: String,
}

impl Subject {
    /// The function as it is deployed: its own environment and nothing else, requests signed.
    pub(crate) fn gateway(binary: &Path, receiver_url: &str) -> io::Result<Self> {
        let options = FunctionOptions::new(binary)
            .env("REMOTE_WRITE_URL", receiver_url)
            .env("REMOTE_WRITE_AUTH", "sigv4");
        Ok(Self {
            name: "push-gateway",
            options,
            artifact_bytes: size_of_file(binary)?,
            job: Job::WriteSamples,
        })
    }

    /// The function that does nothing, with an allocator that keeps its pages.
    pub(crate) fn null_function(binary: &Path) -> io::Result<Self> {
        let mut options = FunctionOptions::new(binary);
        for (name, value) in KEEPS_ITS_PAGES {
            options = options.env(name, value);
        }
        Ok(Self { name: "null function", options, artifact_bytes: size_of_file(binary)?, job: Job::Nothing })
    }

    /// Makes sure that the subject did what it is measured for.
    pub(crate) fn check(&self, batch: &Batch, invocation: &Invocation) -> Result<(), WrongAnswer> {
        let wrong = |reason| Err(WrongAnswer { subject: self.name, records: batch.records, reason });
        match invocation.batch_item_failures() {
            None => return wrong(format!("{:?}", invocation.outcome)),
            Some(given_back) if !given_back.is_empty() => {
                return wrong(format!("it gave back {} messages", given_back.len()));
            }
            Some(_) => {}
        }
        match (self.job, samples_written(&invocation.logs)) {
            (Job::WriteSamples, written) if written != Some(batch.samples as u64) => {
                wrong(format!("of {} samples it wrote {written:?}", batch.samples))
            }
            _ => Ok(()),
        }
    }
}

/// The figure in the embedded metrics of an invocation.
fn samples_written(logs: &[String]) -> Option<u64> {
    let mut lines = logs.iter().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find_map(|line| line.get("Samples")?.as_u64())
}

fn size_of_file(path: &Path) -> io::Result<u64> {
    std::fs::metadata(path)
        .map(|metadata| metadata.len())
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
