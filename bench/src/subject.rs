//! What is measured: Lambda functions under the emulator.

use std::path::Path;
use std::{fs, io};

use local_lambda::runtime::{FunctionOptions, Invocation};
use serde_json::Value;

use crate::batch::{Batch, Kind};

/// The name of the other build of the function.
pub(crate) const OTHER_BUILD: &str = "other build";

/// More than a batch ever needs, so that glibc's allocator keeps its pages between invocations.
const KEEPS_ITS_PAGES: [(&str, &str); 3] = [
    ("MALLOC_TRIM_THRESHOLD_", "268435456"),
    ("MALLOC_MMAP_THRESHOLD_", "268435456"),
    ("MALLOC_TOP_PAD_", "67108864"),
];

/// A function that is measured.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) options: FunctionOptions,
    /// The size of the binary, if it is one.
    pub(crate) artifact_bytes: Option<u64>,
    /// Whether it writes the samples of a batch; the null function does not.
    pub(crate) writes: bool,
    /// Whether it takes pushes; the handler in Node.js takes only SQS batches.
    pub(crate) takes_pushes: bool,
}

/// A subject that did not do its job, so that its figures would mean nothing.
#[derive(Debug, thiserror::Error)]
#[error("{subject} did not do its job with {batch}: {reason}")]
pub(crate) struct WrongAnswer {
    subject: &'static str,
    batch: String,
    reason: String,
}

impl Subject {
    /// A build of the function in the environment that it is deployed with; requests are signed.
    pub(crate) fn function(name: &'static str, binary: &Path, receiver_url: &str) -> io::Result<Self> {
        let options =
            FunctionOptions::new(binary).env("REMOTE_WRITE_URL", receiver_url).env("HTTP_AUTH", "none");
        Ok(Self { name, options, artifact_bytes: Some(size(binary)?), writes: true, takes_pushes: true })
    }

    /// The handler in Node.js.
    pub(crate) fn peer(program: &Path, path: &str, receiver_url: &str) -> Self {
        let options = FunctionOptions::new(program).env("PATH", path).env("REMOTE_WRITE_URL", receiver_url);
        Self { name: "Node.js handler", options, artifact_bytes: None, writes: true, takes_pushes: false }
    }

    /// The function that does nothing.
    pub(crate) fn null_function(binary: &Path) -> io::Result<Self> {
        let mut options = FunctionOptions::new(binary);
        for (name, value) in KEEPS_ITS_PAGES {
            options = options.env(name, value);
        }
        Ok(Self {
            name: "null function",
            options,
            artifact_bytes: Some(size(binary)?),
            writes: false,
            takes_pushes: true,
        })
    }

    /// Checks that no message was given back and that every sample was written, by the function's own metrics.
    pub(crate) fn check(&self, batch: &Batch, invocation: &Invocation) -> Result<(), WrongAnswer> {
        let is_answered = match batch.kind {
            Kind::Sqs(_) => invocation.batch_item_failures().map(|failures| failures.len()),
            Kind::Push(_) if self.writes => {
                let is_success =
                    |answer: &Value| answer["statusCode"].as_u64().is_some_and(|status| status < 300);
                invocation.json().filter(is_success).map(|_| 0)
            }
            Kind::Push(_) => invocation.response().map(|_| 0),
        };
        let reason = match is_answered {
            None => format!("{:?} {:?}", invocation.outcome, invocation.logs),
            Some(failures) if failures > 0 => format!("{failures} messages were given back"),
            Some(_) if !self.writes => return Ok(()),
            Some(_) => match samples_written(&invocation.logs) {
                Some(written) if written == batch.samples as u64 => return Ok(()),
                written => format!("expected {} samples, got {written:?}", batch.samples),
            },
        };
        Err(WrongAnswer { subject: self.name, batch: batch.to_string(), reason })
    }
}

/// The figure in the embedded metrics of an invocation.
fn samples_written(logs: &[String]) -> Option<u64> {
    let mut lines = logs.iter().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find_map(|line| line.get("Samples")?.as_u64())
}

fn size(binary: &Path) -> io::Result<u64> {
    let metadata = fs::metadata(binary)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", binary.display())))?;
    Ok(metadata.len())
}
