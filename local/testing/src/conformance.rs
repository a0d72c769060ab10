//! Results of conformance suites, of which `npm run conformance` makes `docs/conformance.md`.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

use serde_json::json;

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As the suite expects.
    Passed,
    /// Otherwise.
    Failed,
    /// Otherwise on purpose, for this reason.
    Differs(String),
    /// Neither AMP nor a sender of pushes can have it, for this reason: the clause of a specification, or a limit of AMP.
    NotApplicable(String),
}

/// One case of a suite with one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name of the case, which is unique in its suite.
    pub case: String,
    /// What was tested: `gateway`, `gateway 2.0` (which writes remote write 2.0), `prometheus`, `cortex` or `stand-in`.
    pub target: &'static str,
    /// The result.
    pub verdict: Verdict,
}

/// Writes the rows to `<suite>.jsonl` in the folder that the variable `CONFORMANCE_RESULTS` names; without it, nothing.
///
/// # Errors
/// The file cannot be written.
pub fn record(suite: &str, rows: &[Row]) -> io::Result<()> {
    let Some(folder) = std::env::var_os("CONFORMANCE_RESULTS").map(PathBuf::from) else { return Ok(()) };
    fs::create_dir_all(&folder)?;
    let mut file = File::create(folder.join(format!("{suite}.jsonl")))?;
    for Row { case, target, verdict } in rows {
        let (result, clause) = match verdict {
            Verdict::Passed => ("passed", ""),
            Verdict::Failed => ("failed", ""),
            Verdict::Differs(clause) => ("differs", clause.as_str()),
            Verdict::NotApplicable(clause) => ("not applicable", clause.as_str()),
        };
        let row = json!({"suite": suite, "case": case, "target": target, "result": result, "clause": clause});
        writeln!(file, "{row}")?;
    }
    Ok(())
}
