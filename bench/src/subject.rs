//! Subjects: what is measured, each a Lambda function of its own under the emulator.

use std::path::Path;
use std::{fs, io};

use local_lambda::runtime::{FunctionOptions, Invocation};
use serde_json::Value;

use crate::batch::Batch;

/// More than a batch will ever need: with these glibc's allocator keeps the pages that it has.
const KEEPS_ITS_PAGES: [(&str, &str); 3] = [
    ("MALLOC_TRIM_THRESHOLD_", "268435456"),
    ("MALLOC_MMAP_THRESHOLD_", "268435456"),
    ("MALLOC_TOP_PAD_", "67108864"),
];

/// The packages that only install others.
const INSTALLERS: [&str; 2] = ["pip", "setuptools"];

/// A function that is measured.
#[derive(Debug)]
pub(crate) struct Subject {
    /// What it is called in the tables.
    pub(crate) name: String,
    /// How it is started.
    pub(crate) options: FunctionOptions,
    /// The size of its program, of a peer with its packages and without the interpreter.
    pub(crate) artifact_bytes: u64,
    job: Job,
}

/// What a subject has to do with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    subject: String,
    records: usize,
    reason: String,
}

impl Subject {
    /// The function as it is deployed: its own environment and nothing else, requests signed.
    pub(crate) fn gateway(binary: &Path, receiver_url: &str) -> io::Result<Self> {
        let options = FunctionOptions::new(binary)
            .env("REMOTE_WRITE_URL", receiver_url)
            .env("REMOTE_WRITE_AUTH", "sigv4");
        let artifact_bytes = size_of_file(binary)?;
        Ok(Self { name: "push-gateway".to_owned(), options, artifact_bytes, job: Job::WriteSamples })
    }

    /// The Python handler of `peers/python`.
    pub(crate) fn python(peers: &Path, receiver_url: &str) -> io::Result<Self> {
        let folder = peers.join("python");
        let packages = site_packages(&folder.join(".venv/lib"))?;
        let options = FunctionOptions::new(folder.join("bootstrap")).env("REMOTE_WRITE_URL", receiver_url);
        let artifact_bytes = size_of_files(&folder)? + size_of_folder(&packages)?;
        Ok(Self { name: "Python handler".to_owned(), options, artifact_bytes, job: Job::WriteSamples })
    }

    /// The Node handler of `peers/node`, run by the program `node`.
    pub(crate) fn node(peers: &Path, node: &Path, receiver_url: &str) -> io::Result<Self> {
        let folder = peers.join("node");
        let options = FunctionOptions::new(folder.join("bootstrap"))
            .env("NODE", node.display().to_string())
            .env("REMOTE_WRITE_URL", receiver_url);
        let artifact_bytes = size_of_files(&folder)? + size_of_folder(&folder.join("node_modules"))?;
        Ok(Self { name: "Node handler".to_owned(), options, artifact_bytes, job: Job::WriteSamples })
    }

    /// The function that does nothing, with an allocator that keeps its pages.
    pub(crate) fn null_function(binary: &Path) -> io::Result<Self> {
        let mut options = FunctionOptions::new(binary);
        for (name, value) in KEEPS_ITS_PAGES {
            options = options.env(name, value);
        }
        let artifact_bytes = size_of_file(binary)?;
        Ok(Self { name: "null function".to_owned(), options, artifact_bytes, job: Job::Nothing })
    }

    /// Whether it writes samples.
    pub(crate) fn writes(&self) -> bool {
        self.job == Job::WriteSamples
    }

    /// Makes sure that the subject did what it is measured for.
    pub(crate) fn check(&self, batch: &Batch, invocation: &Invocation) -> Result<(), WrongAnswer> {
        let wrong = |reason| Err(WrongAnswer { subject: self.name.clone(), records: batch.records, reason });
        match invocation.batch_item_failures() {
            None => return wrong(format!("{:?} {:?}", invocation.outcome, invocation.logs)),
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

/// Where a virtual environment has its packages: `lib/python<version>/site-packages`.
fn site_packages(lib: &Path) -> io::Result<std::path::PathBuf> {
    let missing = || io::Error::new(io::ErrorKind::NotFound, "its packages are not installed");
    let entry = fs::read_dir(lib).map_err(|_| missing())?.next().ok_or_else(missing)??;
    Ok(entry.path().join("site-packages"))
}

fn size_of_file(path: &Path) -> io::Result<u64> {
    let metadata = fs::metadata(path).map_err(|error| with_path(&error, path))?;
    Ok(metadata.len())
}

/// The files of a folder itself.
fn size_of_files(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).map_err(|error| with_path(&error, folder))? {
        let metadata = entry?.metadata()?;
        bytes += if metadata.is_file() { metadata.len() } else { 0 };
    }
    Ok(bytes)
}

/// All files in and below a folder, without what only installs others and without compiled copies of sources.
fn size_of_folder(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| with_path(&error, &folder))? {
            let entry = entry?;
            let metadata = fs::symlink_metadata(entry.path())?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let installs = INSTALLERS.iter().any(|installer| name.starts_with(installer));
            if metadata.is_dir() && !installs && name != "__pycache__" {
                folders.push(entry.path());
            } else if metadata.is_file() {
                bytes += metadata.len();
            }
        }
    }
    Ok(bytes)
}

fn with_path(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
