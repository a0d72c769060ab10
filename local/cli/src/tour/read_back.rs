//! Reading back: a range query through the function for it, drawn as a chart.
//!
//! In: the program of that function, and the workspace with what was written. Out: the chart, and whether each value
//! that came back is the one in the workspace's memory, to the last bit.

use std::path::Path;

use crate::stack::{QuerySurroundings, query_functions};
use local_amp::{AmpStandIn, StoredSamples};
use local_lambda::runtime::{Function, FunctionOptions, InitError, Invocation, RoleCredentials};
use serde_json::{Value, json};

use super::chart::{self, Line};
use super::events::INTERVAL_MS;
use super::{Cloud, REGION, report};
use crate::stdout::print_line;
use crate::terminal::{Style, Terminal};
use crate::wording::{clip, grouped, millis};

/// Three of the ponds, so that their lines can be told apart.
const PONDS: [&str; 3] = ["north", "mill", "quarry"];

/// Why nothing came back, or something else than was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadBackError {
    /// There is no such function.
    #[error("the program has no function for range queries")]
    NoFunction,
    /// Nothing was written that could be read.
    #[error("there are no temperatures of the ponds in the workspace")]
    NothingStored,
    /// The function refused or failed.
    #[error("the function answered: {0}")]
    Refused(String),
    /// A series is not what the workspace remembers.
    #[error("{received} values of the pond {pond} came back, and not the {stored} that are stored")]
    Different {
        /// Which.
        pond: String,
        /// Values in the answer.
        received: usize,
        /// Values in memory.
        stored: usize,
    },
}

/// Asks, draws and compares. Whether all is well.
pub(crate) async fn show(terminal: Terminal, program: &Path, cloud: &Cloud) -> Result<bool, InitError> {
    match ask_and_draw(terminal, program, cloud).await {
        Ok(()) => Ok(true),
        Err(Failure::ReadBack(error)) => {
            terminal.error(&error);
            print_line!("");
            Ok(false)
        }
        Err(Failure::Init(error)) => Err(error),
    }
}

/// What can go wrong here: with the answer, or before there is a function.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    ReadBack(#[from] ReadBackError),
    #[error(transparent)]
    Init(#[from] InitError),
}

async fn ask_and_draw(terminal: Terminal, program: &Path, cloud: &Cloud) -> Result<(), Failure> {
    let (start, end) = range_of(&cloud.amp).ok_or(ReadBackError::NothingStored)?;
    let step = terminal.step("range_query");
    let mut function = Function::spawn(function(program, cloud).ok_or(ReadBackError::NoFunction)?).await?;
    let query = format!("temperature{{pond=~\"{}\"}}", PONDS.join("|"));
    let payload = json!({
        "query": query,
        "start": seconds(start),
        "end": seconds(end),
        "step": format!("{INTERVAL_MS}ms"),
    });
    let invocation = function.invoke(payload.to_string()).await;
    step.done(&format!("{query}, answered in {}", millis(invocation.duration)));

    let lines = lines(&invocation)?;
    print_line!("");
    for row in chart::draw(&lines) {
        print_line!("  {}", terminal.paint(Style::Good, &row));
    }
    let clock = format!("{:>9}{:<57}{:>8} UTC", "", clock_of(start), clock_of(end));
    print_line!("  {}", terminal.paint(Style::Dim, &clock));
    for pond in PONDS {
        compare(pond, &lines, &temperatures(&cloud.amp, pond))?;
    }
    let points: usize = lines.iter().map(|line| line.values.len()).sum();
    let verdict = format!("{} values read back, each as it was stored, to the last bit", grouped(points));
    print_line!("\n{} {}\n", terminal.paint(Style::Good, "✓"), terminal.paint(Style::Bold, &verdict));
    Ok(())
}

fn function(program: &Path, cloud: &Cloud) -> Option<FunctionOptions> {
    let functions = query_functions(
        program,
        QuerySurroundings {
            workspace_url: &cloud.amp.endpoint(),
            control_plane: cloud.moto.endpoint(),
            region: REGION,
            role: &RoleCredentials::Environment(cloud.credentials.clone()),
        },
    );
    functions.into_iter().find(|function| function.name == "range_query")
}

fn temperatures(amp: &AmpStandIn, pond: &str) -> StoredSamples {
    amp.samples_of(&[("__name__", "temperature"), ("customerId", "customer3"), ("pond", pond)])
}

/// The first and the last timestamp, in milliseconds.
fn range_of(amp: &AmpStandIn) -> Option<(i64, i64)> {
    let samples = temperatures(amp, PONDS[0]);
    Some((*samples.first_key_value()?.0, *samples.last_key_value()?.0))
}

/// The series of the answer, in the order of [`PONDS`].
fn lines(invocation: &Invocation) -> Result<Vec<Line>, ReadBackError> {
    let refused = || ReadBackError::Refused(report::outcome(invocation));
    let body = invocation.response().ok_or_else(refused)?;
    let answer: Value = serde_json::from_slice(body).map_err(|_| refused())?;
    let Some(series) = answer["body"]["data"]["result"].as_array() else {
        let error = answer["body"]["error"].as_str().map(|error| clip(error, 300));
        return Err(error.map_or_else(refused, ReadBackError::Refused));
    };
    let line = |pond: &str| {
        let points = series.iter().find(|series| series["metric"]["pond"] == pond)?["values"].as_array()?;
        let value = |point: &Value| point[1].as_str()?.parse().ok();
        Some(Line { name: pond.to_owned(), values: points.iter().filter_map(value).collect() })
    };
    Ok(PONDS.iter().filter_map(|pond| line(pond)).collect())
}

/// A point of the answer is at the time of a sample, so its values are the samples', one after the other.
fn compare(pond: &str, lines: &[Line], stored: &StoredSamples) -> Result<(), ReadBackError> {
    let received = lines.iter().find(|line| line.name == pond).map_or(&[][..], |line| &line.values);
    if received.iter().map(|v| v.to_bits()).eq(stored.values().map(|v| v.to_bits())) {
        return Ok(());
    }
    Err(ReadBackError::Different { pond: pond.to_owned(), received: received.len(), stored: stored.len() })
}

/// Milliseconds as Unix seconds with all their digits.
fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1_000), ms.rem_euclid(1_000))
}

/// The time of day.
fn clock_of(ms: i64) -> String {
    let second = ms.div_euclid(1_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_differ_in_a_bit_or_are_missing_are_found() {
        let stored: StoredSamples = [(0, 0.1), (1, 0.2)].into();
        let lines = |values: &[f64]| [Line { name: "north".to_owned(), values: values.to_vec() }];
        assert!(compare("north", &lines(&[0.1, 0.2]), &stored).is_ok());
        assert!(compare("north", &lines(&[0.1, 0.200_000_000_000_000_04]), &stored).is_err());
        assert!(compare("north", &lines(&[0.1]), &stored).is_err());
        assert!(compare("mill", &lines(&[0.1, 0.2]), &stored).is_err());
    }

    #[test]
    fn times_keep_their_milliseconds() {
        assert_eq!(seconds(1_676_398_017_004), "1676398017.004");
        assert_eq!(clock_of(1_676_398_017_004), "18:06:57");
    }
}
