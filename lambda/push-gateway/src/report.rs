//! The figures of an invocation, as one log line and one line of CloudWatch's embedded metric format.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use remote_write::Series;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::delivery::{Figures, Written};
use crate::outcome::Outcome;
use crate::records::Records;

const NAMESPACE: &str = "PrometheusPushGateway";

/// The limit of the format on the values of one metric in a line.
const MAX_VALUES: usize = 100;

/// The figures of an invocation.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Events that arrived.
    pub events: usize,
    /// Of these, in invalid records.
    pub invalid: usize,
    /// Of these, in records that the receiver rejected.
    pub rejected: usize,
    /// Of these, in records that could not be delivered now.
    pub failed: usize,
    /// Of these, in records of a replica that the receiver has not elected.
    pub deduplicated: usize,
    /// Of these, in pushes that are in the spill queue now.
    pub spilled: usize,
    /// Messages moved to the dead-letter queue.
    pub dead_lettered: usize,
    /// Samples of the valid records.
    pub samples: usize,
    /// Points that are refused while others of their records are not.
    pub refused: usize,
    /// Series of the samples.
    pub series: usize,
    /// Values that a float64 cannot hold exactly.
    pub inexact_values: usize,
    /// Exemplars, which no receiver of AMP takes.
    pub exemplars: usize,
    /// Start timestamps that were not written, because remote write 1.0 does not have them.
    pub start_timestamps: usize,
    /// The figures of the delivery.
    pub figures: Figures,
    /// The samples of an HTTP request that the receiver has.
    pub written: Written,
    /// The data points of OTLP in an HTTP request.
    pub data_points: DataPoints,
    /// The first invalid record, for the log.
    first_invalid: Option<String>,
    /// The first rejected record.
    first_rejected: Option<String>,
    /// The first record that could not be delivered.
    first_failed: Option<String>,
}

/// Data points of OTLP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataPoints {
    /// All of them.
    pub all: usize,
    /// Those that are refused, or that the receiver rejects.
    pub rejected: usize,
}

impl Report {
    /// Counts the events by the outcomes of their records.
    pub fn new(
        records: &Records,
        outcomes: &[Outcome],
        series: &Series,
        figures: Figures,
        dead_lettered: usize,
    ) -> Self {
        let mut report = Self {
            dead_lettered,
            samples: series.samples().len(),
            series: series.count(),
            inexact_values: records.inexact_values,
            exemplars: records.exemplars,
            figures,
            ..Self::default()
        };
        for (record, outcome) in records.records.iter().zip(outcomes) {
            let (mut events, refused) = (record.events(), record.refused());
            report.refused += refused;
            if record.refused.is_some()
                && let Outcome::Invalid(reason) = outcome
            {
                report.events += events - refused;
                // The rest of the reasons are the receiver's.
                report.rejected += reason.events() - refused;
                events = refused;
            }
            report.count(record.index, events, outcome);
        }
        report.events += records.left_out;
        report.invalid += records.left_out;
        report
    }

    fn count(&mut self, index: usize, events: usize, outcome: &Outcome) {
        self.events += events;
        let (count, first) = match outcome {
            Outcome::Delivered => return,
            Outcome::Deduplicated => {
                self.deduplicated += events;
                return;
            }
            Outcome::Spilled => {
                self.spilled += events;
                return;
            }
            Outcome::Invalid(_) => (&mut self.invalid, &mut self.first_invalid),
            Outcome::Rejected { .. } => (&mut self.rejected, &mut self.first_rejected),
            Outcome::Retry(_) => (&mut self.failed, &mut self.first_failed),
        };
        *count += events;
        first.get_or_insert_with(|| format!("record {index}: {outcome}"));
    }

    /// Writes the log lines: always one at INFO, WARN for events that need no action now, ERROR for those that do.
    pub fn log(&self, took: Duration) {
        if self.inexact_values > 0 {
            tracing::warn!(
                values = self.inexact_values,
                "Some values cannot be represented as float64 and were rounded or became infinite."
            );
        }
        if self.figures.retries > 0 && self.first_failed.is_none() {
            tracing::warn!(retried = self.figures.retries, "Write requests were sent again.");
        }
        if let Some(first) = &self.first_invalid {
            tracing::warn!(events = self.invalid, first, "Events are invalid and were not sent.");
        }
        if let Some(first) = &self.first_rejected {
            tracing::warn!(events = self.rejected, first, "Events were rejected by the receiver.");
        }
        if let Some(first) = &self.first_failed {
            tracing::error!(events = self.failed, first, "Events could not be delivered.");
        }
        tracing::info!(
            events = self.events,
            samples = self.figures.samples,
            series = self.series,
            requests = self.figures.requests,
            bytes = self.figures.bytes,
            invalid = self.invalid,
            rejected = self.rejected,
            failed = self.failed,
            deduplicated = self.deduplicated,
            spilled = self.spilled,
            exemplars_dropped = self.exemplars,
            start_timestamps_dropped = self.start_timestamps,
            dead_lettered = self.dead_lettered,
            retried = self.figures.retries,
            ms = millis(took),
            "Invocation done."
        );
    }

    /// The line for CloudWatch, with the function's name as the only dimension.
    pub fn embedded_metrics(&self, function_name: &str, now: SystemTime) -> String {
        let counts = [
            ("Events", self.events),
            ("Samples", self.figures.samples),
            ("InvalidEvents", self.invalid),
            ("RejectedEvents", self.rejected),
            ("FailedEvents", self.failed),
            ("DeduplicatedEvents", self.deduplicated),
            ("SpilledEvents", self.spilled),
            ("WriteRequests", self.figures.requests),
            ("WriteRetries", self.figures.retries),
        ];
        let latencies = self.figures.latencies.iter().take(MAX_VALUES).map(|&latency| millis(latency));
        let latencies: Vec<_> = latencies.collect();
        let mut metrics: Vec<_> = counts.iter().map(|&(name, _)| Metric { name, unit: "Count" }).collect();
        let mut line: Map<String, Value> =
            counts.iter().map(|&(name, count)| (name.to_owned(), count.into())).collect();
        // The format does not allow a metric without a value, and nothing may have been sent.
        if !latencies.is_empty() {
            metrics.push(Metric { name: "WriteLatency", unit: "Milliseconds" });
            line.insert("WriteLatency".to_owned(), latencies.into());
        }
        line.insert("FunctionName".to_owned(), function_name.into());
        let directive = json!({"Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": metrics});
        let timestamp = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        line.insert("_aws".to_owned(), json!({"Timestamp": timestamp, "CloudWatchMetrics": [directive]}));
        Value::Object(line).to_string()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

/// Milliseconds with three decimals.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_metrics_declare_each_of_their_values() {
        let report = Report {
            events: 3,
            figures: Figures {
                latencies: vec![Duration::from_micros(1_500); 150],
                requests: 150,
                ..Figures::default()
            },
            ..Report::default()
        };
        let line = report.embedded_metrics("push-gateway", UNIX_EPOCH + Duration::from_secs(7));
        assert_eq!(line.lines().count(), 1);
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["_aws"]["Timestamp"], 7_000);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "PrometheusPushGateway");
        assert_eq!(line[directive["Dimensions"][0][0].as_str().unwrap()], "push-gateway");
        let names: Vec<_> =
            directive["Metrics"].as_array().unwrap().iter().map(|m| m["Name"].as_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "Events",
                "Samples",
                "InvalidEvents",
                "RejectedEvents",
                "FailedEvents",
                "DeduplicatedEvents",
                "SpilledEvents",
                "WriteRequests",
                "WriteRetries",
                "WriteLatency"
            ]
        );
        assert!(names.iter().all(|name| !line[name].is_null()));
        assert_eq!(line["WriteLatency"].as_array().unwrap().len(), MAX_VALUES);
    }

    #[test]
    fn a_metric_without_values_is_not_declared() {
        let line = Report::default().embedded_metrics("f", UNIX_EPOCH);
        assert!(!line.contains("WriteLatency"), "{line}");
    }
}
