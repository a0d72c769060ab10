//! The machine: where and when it was measured, with the versions of everything that decides the figures.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use local_testing::children;
use local_testing::clock::Clock;
use serde_json::Value;

use crate::agents::find;

/// Where, when and with what.
#[derive(Debug)]
pub(crate) struct Machine {
    date: String,
    processor: String,
    versions: Vec<String>,
}

impl Machine {
    /// Asks the system, the programs in `folders` and the peers in `peers`.
    pub(crate) async fn describe(folders: &OsStr, peers: &Path) -> Self {
        let mut versions = Vec::new();
        let found = ["rustc", "node", "vmagent", "prometheus"]
            .into_iter()
            .filter_map(|program| Some((program, find(program, folders)?)));
        for (program, path) in found {
            // Debian's vmagent does not know its own version, but its package does.
            let says = if program == "vmagent" {
                package_version().await
            } else {
                first_line(&path, &["--version"]).await
            };
            versions.push(match says {
                Some(says) if says.contains(program) => says,
                Some(says) => format!("{program} {says}"),
                None => format!("{program} of unknown version"),
            });
        }
        versions.extend(first_line(&peers.join("python/.venv/bin/python"), &["--version"]).await);
        versions.extend(python_packages(peers).unwrap_or_default());
        versions.extend(node_packages(peers).unwrap_or_default());
        Self { date: today(), processor: processor(), versions }
    }

    /// As a paragraph and a line of versions.
    pub(crate) fn for_markdown(&self) -> String {
        format!("{}: {}.\n\nWith {}.", self.date, self.processor, self.versions.join(", "))
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.date, self.processor)?;
        write!(f, "{}", self.versions.join(", "))
    }
}

fn today() -> String {
    let now = u64::try_from(Clock::system().now_ms()).unwrap_or_default();
    let text = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(now)).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// The processor and the kernel, as far as Linux says.
fn processor() -> String {
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut models = cpu_info.lines().filter_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = models.next().map_or("unknown processor", |(_, model)| model);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
}

/// What a program says of itself, without what is in brackets.
async fn first_line(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = children::command(program).ok()?.args(arguments).output().await.ok()?;
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    let line = String::from_utf8_lossy(&text).lines().next()?.to_owned();
    let says = line.split(" (").next().unwrap_or_default().trim().replace(", version ", " ");
    (output.status.success() && !says.is_empty()).then_some(says)
}

async fn package_version() -> Option<String> {
    let dpkg_query = Path::new("/usr/bin/dpkg-query");
    first_line(dpkg_query, &["--showformat=${Version}", "--show", "victoria-metrics"]).await
}

/// The lines of the requirements that name a package.
fn python_packages(peers: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(peers.join("python/requirements.txt")).ok()?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Some(
        lines
            .filter_map(|line| line.split_once("=="))
            .map(|(name, version)| format!("{name} {version}"))
            .collect(),
    )
}

/// What the lock file says of the packages that are asked for.
fn node_packages(peers: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(peers.join("node/package-lock.json")).ok()?;
    let lock: Value = serde_json::from_str(&text).ok()?;
    let asked = lock["packages"][""]["dependencies"].as_object()?;
    let version = |name: &String| {
        let version = lock["packages"][format!("node_modules/{name}")]["version"].as_str()?;
        Some(format!("{name} {version}"))
    };
    Some(asked.keys().filter_map(version).collect())
}
