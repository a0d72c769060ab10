//! Writes a snapshot in the text format, version 0.0.4, for a Pushgateway.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use std::fmt::Write as _;

use crate::metrics::{Kind, Point, Snapshot};

/// The media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes `snapshot` with `HELP` and `TYPE` for each family. `labels` are added to every series.
pub fn text(snapshot: &Snapshot, labels: &[(String, String)]) -> String {
    // Written once, for all series.
    let mut common = String::new();
    for (name, value) in labels {
        put_label(&mut common, name, value);
    }
    let mut text = String::with_capacity(32 * 1_024);
    for (family, points) in &snapshot.families {
        let (name, kind) = (family.name, family.kind.text());
        let _ = write!(text, "# HELP {name} {}\n# TYPE {name} {kind}\n", family.help);
        // A histogram must have the bucket +Inf, whose value is the count. The type cannot be another one, because a
        // Pushgateway rejects a metric that has two types.
        let [bucket, _, count] = family.parts;
        if family.kind == Kind::Histogram && points.iter().all(|point| point.name != bucket) {
            for count in points.iter().filter(|point| point.name == count) {
                let all = Point { name: bucket, labels: [("le", "+Inf"), ("", "")], ..*count };
                put_point(&mut text, &all, &common);
            }
        }
        for point in points {
            put_point(&mut text, point, &common);
        }
    }
    text
}

fn put_point(text: &mut String, point: &Point, common: &str) {
    text.push_str(point.name);
    text.push('{');
    text.push_str(common);
    for (name, value) in point.labels() {
        put_label(text, name, value);
    }
    // A comma after the last label is part of the format.
    let _ = writeln!(text, "}} {}", point.value);
}

fn put_label(text: &mut String, name: &str, value: &str) {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let _ = write!(text, "{name}=\"{value}\",");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;
    use crate::metrics::Metrics;

    /// Text format, "Line format" and "Comments, help text, and type information".
    #[test]
    fn families_have_help_and_type_and_values_are_escaped() {
        let mut metrics = Metrics::new(Some(128.0), true);
        let report = r#"{"type":"platform.report","record":{"requestId":"r","status":"timeout","metrics":{"durationMs":1500.5}}}"#;
        metrics.observe(&event::parse(report).unwrap());
        let labels = [("path".to_owned(), "a\\b\"c\nd".to_owned())];
        let text = text(&metrics.snapshot(), &labels);
        let invocations = "# HELP aws_lambda_invocations_total Invocations that are over, by status.\n\
            # TYPE aws_lambda_invocations_total counter\n\
            aws_lambda_invocations_total{path=\"a\\\\b\\\"c\\nd\",status=\"success\",} 0\n";
        assert!(text.starts_with(invocations), "{text}");
        for line in [
            "aws_lambda_duration_seconds_bucket{path=\"a\\\\b\\\"c\\nd\",le=\"1.0\",} 0",
            "aws_lambda_duration_seconds_bucket{path=\"a\\\\b\\\"c\\nd\",le=\"2.5\",} 1",
            "aws_lambda_duration_seconds_sum{path=\"a\\\\b\\\"c\\nd\",} 1.5005",
            "aws_lambda_memory_size_bytes{path=\"a\\\\b\\\"c\\nd\",} 134217728",
            "# TYPE aws_lambda_report_duration_seconds summary",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in {text}");
        }
        assert!(text.ends_with('\n'));
    }
}
