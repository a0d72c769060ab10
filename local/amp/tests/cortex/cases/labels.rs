//! Names, labels and their sizes.

use local_amp::proto::TimeSeries;

use crate::case::{Case, case};
use crate::request::{Request, Times};

pub(super) fn cases(t: Times) -> Vec<Case> {
    [names(t), repaired(t), sizes(t), two_errors(t)].into_iter().flatten().collect()
}

fn names(t: Times) -> Vec<Case> {
    let unnamed = || t.series(&[], &[(0, 1.0)]);
    let doubled =
        |name, one, other| [t.series(&[("__name__", "m"), (name, one), (name, other)], &[(0, 1.0)])];
    vec![
        case("no __name__")
            .write([t.series(&[("a", "1")], &[(0, 1.0)])])
            .refuses("sample missing metric name"),
        case("empty __name__").write([t.named("", &[(0, 1.0)])]).refuses("sample invalid metric name: \"\""),
        case("metric name with dot")
            .write([t.named("m.x", &[(0, 1.0)])])
            .refuses("sample invalid metric name: \"m.x\""),
        case("metric name UTF-8")
            .write([t.named("mé", &[(0, 1.0)])])
            .refuses("sample invalid metric name: \"mé\""),
        case("metric name with colon").write([t.named("m:x", &[(0, 1.0)])]).stores("m:x +0s=1"),
        case("metric name with every kind of character")
            .write([t.named(":Ab_9:", &[(0, 1.0)])])
            .stores(":Ab_9: +0s=1"),
        case("metric name starts with a digit")
            .write([t.named("4xx", &[(0, 1.0)])])
            .refuses("sample invalid metric name: \"4xx\""),
        case("label name starts with a digit")
            .write([t.with("4xx", "1")])
            .refuses("sample invalid label: \"4xx\" metric"),
        case("label name with dash")
            .write([t.with("a-b", "1")])
            .refuses(r#"sample invalid label: "a-b" metric "m{a-b=\"1\"}""#),
        case("label name UTF-8")
            .write([t.with("dé", "1")])
            .refuses(r#"sample invalid label: "dé" metric "m{dé=\"1\"}""#),
        case("label name empty")
            .write([t.with("", "1")])
            .refuses(r#"sample invalid label: "" metric "m{=\"1\"}""#),
        case("label name with colon")
            .write([t.with("a:b", "1")])
            .refuses(r#"sample invalid label: "a:b" metric "m{a:b=\"1\"}""#),
        case("label value UTF-8").write([t.with("d", "zürich")]).stores("m{d=zürich} +0s=1"),
        case("label value invalid UTF-8")
            .send(with_invalid_utf8(t))
            .stores("m{d=\u{fffd}\u{fffd}} +0s=1")
            .but_the_stand_in(
                400,
                "proto: ",
                "Its decoder takes UTF-8 only, and no sender in Rust can send anything else",
            ),
        case("duplicate label, same value")
            .write(doubled("a", "1", "1"))
            .refuses(r#"duplicate label name: "a" metric "m{a=\"1\", a=\"1\"}""#),
        case("duplicate label, other value")
            .write(doubled("a", "1", "2"))
            .refuses(r#"duplicate label name: "a" metric "m{a=\"1\", a=\"2\"}""#),
        case("duplicate __name__")
            .write([t.series(&[("__name__", "m"), ("__name__", "n")], &[(0, 1.0)])])
            .refuses(r#"duplicate label name: "__name__" metric "m{__name__=\"n\"}""#),
        case("no labels at all").write([unnamed()]).refuses("empty labels found"),
        case("no labels at all + good").write([t.m(&[(0, 1.0)]), unnamed()]).refuses("empty labels found"),
    ]
}

/// Requests that Cortex repairs.
fn repaired(t: Times) -> Vec<Case> {
    vec![
        case("labels unsorted")
            .write([t.series(&[("z", "1"), ("__name__", "m"), ("a", "2")], &[(0, 1.0)])])
            .stores("m{a=2,z=1} +0s=1"),
        case("__name__ last")
            .write([t.series(&[("a", "1"), ("__name__", "m")], &[(0, 1.0)])])
            .stores("m{a=1} +0s=1"),
        case("empty label value").write([t.with("d", "")]).stores("m +0s=1"),
    ]
}

fn sizes(t: Times) -> Vec<Case> {
    let x = |count: usize| "x".repeat(count);
    vec![
        case("label value 2048 bytes").write([t.with("d", &x(2_048))]).stores("m{d=xxxxxxxx…} +0s=1"),
        case("label value 2049 bytes")
            .write([t.with("d", &x(2_049))])
            .refuses("label value too long for metric (actual: 2049, limit: 2048) metric: \"m{d="),
        case("metric name 2048 bytes").write([t.named(&x(2_048), &[(0, 1.0)])]).stores("xxxxxxxx… +0s=1"),
        case("metric name 2049 bytes")
            .write([t.named(&x(2_049), &[(0, 1.0)])])
            .refuses("label value too long for metric (actual: 2049, limit: 2048) metric: \"xxx"),
        case("label name 1024 bytes").write([t.with(&x(1_024), "1")]).stores("m{xxxxxxxx…=1} +0s=1"),
        case("label name 1025 bytes")
            .write([t.with(&x(1_025), "1")])
            .refuses("label name too long for metric (actual: 1025, limit: 1024) metric: \"m{xxx"),
        case("labels 7169+ bytes")
            .write([many(t, 4, 2_000)])
            .refuses("labels size bytes exceeded for metric (actual: 8049, limit: 7168) metric: \"m{d000="),
        // 13 bytes for the name, 2,009 for each of three labels, 1,128 for the last one, or a byte more.
        case("labels 7168 bytes")
            .write([with_last(t, 1_119)])
            .stores("m{d000=vvvvvvvv…,d001=vvvvvvvv…,d002=vvvvvvvv…,…} +0s=1"),
        case("labels 7169 bytes")
            .write([with_last(t, 1_120)])
            .refuses("labels size bytes exceeded for metric (actual: 7169, limit: 7168)"),
        case("labels: 100 labels, 7000 bytes of names+values")
            .write([many(t, 100, 66)])
            .refuses("labels size bytes exceeded for metric (actual: 7413, limit: 7168)"),
        case("150 labels").write([many(t, 149, 1)]).stores("m{d000=v,d001=v,d002=v,…} +0s=1"),
        case("151 labels").write([many(t, 150, 1)]).refuses(
            "series has too many labels (actual: 151, limit: 150) series: 'm{d000=\"v\", d001=\"v\",",
        ),
    ]
}

fn two_errors(t: Times) -> Vec<Case> {
    let now = [(0, 1.0)];
    let two_hours = [(-7_200_000, 1.0)];
    let mut too_many = many(t, 150, 1);
    too_many.labels[150].name.replace_range(.., "z-z");
    vec![
        case("two errors in one series: bad name and too old")
            .write([t.named("a.b", &two_hours)])
            .refuses("sample invalid metric name: \"a.b\""),
        case("two errors in one series: bad label and 2 h old")
            .write([t.series(&[("__name__", "m"), ("a-b", "1")], &two_hours)])
            .refuses("sample invalid label: \"a-b\""),
        case("two errors in one series: 151 labels and bad label")
            .write([too_many])
            .refuses("series has too many labels (actual: 151, limit: 150)"),
        case("two errors in one series: duplicate and unsorted")
            .write([t.series(&[("z", "1"), ("__name__", "m"), ("a", "1"), ("a", "2")], &now)])
            .refuses("duplicate label name: \"a\" metric \"m{a=\\\"1\\\", a=\\\"2\\\", z=\\\"1\\\"}\""),
    ]
}

/// The series `m{d000="v…",…}`.
fn many(t: Times, labels: usize, value_bytes: usize) -> TimeSeries {
    let names: Vec<String> = (0..labels).map(|n| format!("d{n:03}")).collect();
    let value = "v".repeat(value_bytes);
    let labels = names.iter().map(|name| (name.as_str(), value.as_str()));
    let labels: Vec<_> = [("__name__", "m")].into_iter().chain(labels).collect();
    t.series(&labels, &[(0, 1.0)])
}

/// Three labels with long values and one with a value of this length.
fn with_last(t: Times, value_bytes: usize) -> TimeSeries {
    let mut series = many(t, 4, 2_000);
    series.labels[4].value.truncate(value_bytes);
    series
}

fn with_invalid_utf8(t: Times) -> Request {
    let mut message = prost::Message::encode_to_vec(&local_amp::proto::WriteRequest {
        timeseries: vec![t.with("d", "@@")],
        metadata: vec![],
    });
    for byte in &mut message {
        if *byte == b'@' {
            *byte = 0xff;
        }
    }
    Request::of_bytes(&message)
}
