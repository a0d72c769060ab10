//! Report: the figures of an invocation → one log line, and one line of CloudWatch's embedded metric format.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use remote_write::Series;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::delivery::{Delivery, Figures};
use crate::fate::RecordFate;
use crate::intake::Record;

const NAMESPACE: &str = "PrometheusPushGateway";

/// The format takes at most so many values of one metric in a line.
const MAX_VALUES: usize = 100;

/// What an invocation did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Events that came in.
    pub events: usize,
    /// Of these, in records that are invalid.
    pub invalid: usize,
    /// Of these, in records that the receiver refuses.
    pub rejected: usize,
    /// Of these, in records that could not be delivered now.
    pub failed: usize,
    /// Messages moved to the dead-letter queue.
    pub dead_lettered: usize,
    /// Series that samples were for.
    pub series: usize,
    /// Values that a double does not hold exactly.
    pub inexact_values: usize,
    /// What went over the wire.
    pub figures: Figures,
    /// How long it all took.
    pub took: Duration,
    /// The first invalid record, for a log line.
    pub first_invalid: Option<String>,
    /// The first refusal.
    pub first_rejected: Option<String>,
    /// The first failure.
    pub first_failed: Option<String>,
}

impl Report {
    /// Counts what became of the events, record by record.
    pub fn new(records: &[Record], fates: &[RecordFate], series: &Series, delivery: &Delivery) -> Self {
        let mut report =
            Self { series: series.count(), figures: delivery.figures.clone(), ..Self::default() };
        for (record, fate) in records.iter().zip(fates) {
            report.count(record.place, record.events(), fate);
        }
        report
    }

    fn count(&mut self, place: usize, events: usize, fate: &RecordFate) {
        self.events += events;
        let (count, first) = match fate {
            RecordFate::Delivered => return,
            RecordFate::Invalid { .. } => (&mut self.invalid, &mut self.first_invalid),
            RecordFate::Rejected(_) => (&mut self.rejected, &mut self.first_rejected),
            RecordFate::NotDelivered(_) | RecordFate::BehindItsGroup => {
                (&mut self.failed, &mut self.first_failed)
            }
        };
        *count += events;
        first.get_or_insert_with(|| format!("record {place}: {fate}"));
    }

    /// Writes the log lines: one INFO line always, WARN for what was recovered, ERROR for what needs a person.
    pub fn log(&self) {
        if self.inexact_values > 0 {
            tracing::warn!(
                values = self.inexact_values,
                "Values are not what a double can hold and were rounded, or are infinite now."
            );
        }
        if self.figures.retries > 0 && self.first_failed.is_none() {
            tracing::warn!(retried = self.figures.retries, "Write requests had to be sent again.");
        }
        if let Some(first) = &self.first_invalid {
            tracing::warn!(events = self.invalid, first, "Events are invalid and were not sent.");
        }
        if let Some(first) = &self.first_rejected {
            tracing::warn!(events = self.rejected, first, "Events were refused by the receiver.");
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
            dead_lettered = self.dead_lettered,
            retried = self.figures.retries,
            ms = millis(self.took),
            "Invocation done."
        );
    }

    /// The line for CloudWatch, with the function's name as the one dimension.
    pub fn embedded_metrics(&self, function_name: &str, now: SystemTime) -> String {
        let counts = [
            ("Events", self.events),
            ("Samples", self.figures.samples),
            ("InvalidEvents", self.invalid),
            ("RejectedEvents", self.rejected),
            ("FailedEvents", self.failed),
            ("WriteRequests", self.figures.requests),
            ("WriteRetries", self.figures.retries),
        ];
        let latencies = &self.figures.latencies_ms[..self.figures.latencies_ms.len().min(MAX_VALUES)];
        let mut metrics: Vec<_> = counts.iter().map(|&(name, _)| Metric { name, unit: "Count" }).collect();
        let mut line: Map<String, Value> =
            counts.iter().map(|&(name, count)| (name.to_owned(), count.into())).collect();
        // A metric without a value is an error in the format, and there is none when nothing was sent.
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
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_metrics_declare_every_value_they_carry() {
        let report = Report {
            events: 3,
            figures: Figures { latencies_ms: vec![1.5; 150], requests: 150, ..Figures::default() },
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
