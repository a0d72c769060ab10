//! Text exposition, compared with what a Pushgateway 1.11.2 answered and exposed; the pushes of clients, in any format.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use formats::Format;
use proptest::prelude::*;
use remote_write::NameEscaping;

use crate::{Read, read};

/// A body, and what the Pushgateway made of it.
#[derive(serde::Deserialize)]
struct Case {
    #[serde(rename = "case")]
    name: String,
    #[serde(default)]
    body: String,
    body_base64: Option<String>,
    #[serde(default)]
    protobuf: bool,
    status: u16,
    #[serde(default)]
    answer: String,
    /// The lines that it exposed.
    #[serde(default)]
    samples: Vec<String>,
}

/// What differs on purpose: bodies that the Pushgateway rejects and the gateway accepts, and the other way around.
const DIFFERENCES: [(&str, &str); 2] = [
    ("empty label and none", "was collected before with the same name and label values"),
    ("type with a backslash", "unknown metric type"),
];

impl Case {
    fn body(&self) -> Vec<u8> {
        match &self.body_base64 {
            Some(encoded) => STANDARD.decode(encoded).unwrap(),
            None => self.body.clone().into_bytes(),
        }
    }
}

/// Bodies that show a rule, and the first push of each client library.
fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = serde_json::from_str(include_str!("pushgateway-1.11.2.json")).unwrap();
    cases.extend(serde_json::from_str::<Vec<Case>>(include_str!("clients.json")).unwrap());
    cases
}

/// Reads a body with the labels of a path.
fn pushed(case: &Case) -> Result<Read, String> {
    let format = if case.protobuf { Format::Protobuf } else { Format::Text };
    read(format, &case.body(), NameEscaping::Reject, &[("job", "j")])
}

#[test]
fn errors_are_those_of_the_pushgateway() {
    let differences: HashMap<_, _> = DIFFERENCES.into_iter().collect();
    for case in cases() {
        let ours = pushed(&case);
        if let Some(expected) = differences.get(&*case.name) {
            assert!(ours.as_ref().is_err_and(|reason| reason.contains(expected)), "{}: {ours:?}", case.name);
        } else if case.status == 200 || case.answer.ends_with("pushed metrics must not have timestamps") {
            assert!(ours.is_ok(), "{}: {ours:?}", case.name);
        } else {
            // Go varies the blanks between the fields of a message from build to build. Our messages are one line.
            let expected = case.answer.replace("  ", " ").replace('\n', "\\n");
            assert_eq!(ours.err().as_deref(), Some(&*expected), "{}", case.name);
        }
    }
}

#[test]
fn samples_are_those_of_the_pushgateway() {
    // The Pushgateway drops the sign of zero.
    for case in cases().iter().filter(|case| case.status == 200 && case.name != "minus zero") {
        let Ok(Read { samples: ours, .. }) = pushed(case) else { continue };
        let theirs: Vec<_> = case.samples.iter().map(|line| sample(line)).collect();
        let name = |sample: &str| sample.rsplit_once(' ').unwrap().0.to_owned();
        for (at, sample) in ours.iter().enumerate() {
            let is_native = sample.contains(" Value(");
            let is_superseded = ours[at + 1..].iter().any(|later| name(later) == name(sample));
            assert!(
                is_superseded || is_native || theirs.contains(sample),
                "{}: {sample} is not in {theirs:?}",
                case.name
            );
        }
        for sample in theirs.iter().filter(|sample| !is_added(sample, case)) {
            assert!(ours.contains(sample), "{}: {sample} is not in {ours:?}", case.name);
        }
    }
}

/// A line of the Pushgateway as [`Read`] has it: labels in order, none without a value.
fn sample(line: &str) -> String {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.strip_suffix('}').unwrap().split_once('{').unwrap();
    let mut labels: Vec<_> = labels.split_inclusive("\",").map(|label| label.trim_end_matches(',')).collect();
    labels.retain(|label| !label.ends_with("=\"\""));
    labels.sort_unstable();
    format!("{name}{{{}}} {}", labels.join(","), value.parse::<f64>().unwrap())
}

/// Whether the Pushgateway has added the sample: the parts of a histogram or summary that were not pushed.
fn is_added(sample: &str, case: &Case) -> bool {
    let is_part = sample.contains("le=\"+Inf\"") || sample.contains("_sum{") || sample.contains("_count{");
    let name = sample.split(['{']).next().unwrap();
    let in_body = if sample.contains("+Inf") { "+Inf" } else { name };
    is_part && !case.body.lines().any(|line| !line.starts_with('#') && line.contains(in_body))
}

fn text(body: &str) -> Result<Read, String> {
    read(Format::Text, body.as_bytes(), NameEscaping::Underscores, &[])
}

#[test]
fn timestamps_are_kept_or_those_of_the_arrival() {
    let read = text("a 1 12\nb 2\nc 3 -5\n").unwrap();
    assert_eq!(read.timestamps, [12, crate::RECEIVED_MS, -5]);
    assert!(text("a 1 1676398077001\n").unwrap_err().starts_with("timestamp: expected at most 60s ahead"));
    assert_eq!(text("a 1 1\na 2 2\n").unwrap().points, 2);
    assert!(text("a 1 1\na 2 1\n").is_err());
}

#[test]
fn names_outside_the_charset_are_escaped() {
    let read = text("# TYPE \"my.metric\" gauge\n{\"my.metric\",\"room.name\"=\"x\"} 1\n").unwrap();
    assert_eq!(read.samples, ["my_metric{room_name=\"x\"} 1"]);
    assert_eq!(read.metadata, ["Gauge my_metric \"\" \"\""]);
    let reason = text("a{\"b.c\"=\"1\",\"b-c\"=\"2\"} 1\n").unwrap_err();
    assert!(reason.contains("are both \"b_c\" after escaping"), "{reason}");
}

#[test]
fn consecutive_samples_of_a_label_set_are_one_point() {
    assert_eq!(text("a{x=\"1\"} 1\nb{x=\"1\"} 2\nc{x=\"2\"} 3\nd{x=\"2\"} 4 9\n").unwrap().points, 3);
}

#[test]
fn families_with_samples_have_metadata() {
    let read = text(
        "# HELP a A \\\\ b.\\n\n# TYPE a counter\na 1\n# HELP b B.\nb 1\n# TYPE c gauge\nd 1\n# TYPE e untyped\ne 1\n",
    );
    assert_eq!(read.unwrap().metadata, ["Counter a \"A \\\\ b.\\n\" \"\"", "Unknown b \"B.\" \"\""]);
}

#[test]
fn the_labels_of_a_path_replace_those_of_the_body() {
    let read = |grouping| read(Format::Text, b"a{job=\"own\",b=\"c\"} 1\n", NameEscaping::Reject, grouping);
    assert_eq!(read(&[("job", "j"), ("x", "y")]).unwrap().samples, ["a{b=\"c\",job=\"j\",x=\"y\"} 1"]);
    assert_eq!(read(&[("job", "")]).unwrap().samples, ["a{b=\"c\"} 1"]);
}

#[test]
fn messages_are_bounded_and_on_one_line() {
    let long = "x".repeat(100_000);
    for body in [
        format!("{long} {long}\n"),
        format!("a{{b=\"{long}\"c}} 1\n"),
        format!("a{{b=\"{long}\"}} 1\na{{b=\"{long}\"}} 1\n"),
        format!("{long}{{b=\"\"}} 1\n"),
        "a{b=\"\\\n\"} 1\n".to_owned(),
    ] {
        let reason = text(&body).unwrap_err();
        assert!(reason.len() < 1_000 && !reason.contains('\n'), "{reason}");
    }
}

#[test]
fn samples_families_and_labels_are_bounded() {
    let lines = |count, line: fn(usize) -> String| (0..count).map(line).collect::<String>();
    let sample = |at| format!("m{at} 1\n");
    let labels = |at| format!("m{{{}}} {at}\n", lines(1_000, |label| format!("x{label}=\"y\",")));
    assert_eq!(text(&lines(50_000, sample)).unwrap().samples.len(), 50_000);
    for (body, line) in [
        (lines(50_001, sample), 50_001),
        (lines(60_000, |at| format!("# TYPE m{at} gauge\n")), 50_001),
        (format!("m{{{}}} 1\n", lines(200_001, |at| format!("x{at}=\"y\","))), 1),
        ((0..201).map(|at| labels(at).replacen('m', &format!("m{at}"), 1)).collect(), 201),
    ] {
        let limit = "expected at most 50000 samples with 200000 labels and buckets in a body, got more";
        assert_eq!(text(&body).unwrap_err(), format!("text format parsing error in line {line}: {limit}"));
    }
}

proptest! {
    #[test]
    fn no_text_causes_a_panic(text in "([a-c_{}\"=,# 0-9.\\\\\n]|TYPE|HELP|histogram|le=)*", bytes: Vec<u8>) {
        for format in [Format::Text, Format::OpenMetrics] {
            let _ = read(format, text.as_bytes(), NameEscaping::Values, &[("job", "j")]);
            let _ = read(format, &bytes, NameEscaping::Values, &[]);
        }
    }

    #[test]
    fn labels_and_values_survive(value in any::<f64>(), label in "\\PC{0,9}[\"\\\\\n]?x", timestamp_ms in 0..9_i64) {
        let escaped = label.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        let body = format!("a{{b=\"{escaped}\"}} {value} {timestamp_ms}\n");
        let read = text(&body).unwrap();
        prop_assert_eq!(read.samples, [format!("a{{b=\"{escaped}\"}} {value}")]);
        prop_assert_eq!(read.timestamps, [timestamp_ms]);
    }
}
