//! The checks of rules on the requests that arrived. Each fails if none did.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::evidence::{Evidence, MISLEADING, Run};
use super::message::{Message, Series, TYPE_1, TYPE_2};
use super::pushes::{ODD, STALE, START_MS, UNICODE};
use super::recorder::{PATH, Recorded};
use crate::stored::{Float, Labels, Value};

type Checked = Result<(), String>;

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Applies `check` to the requests of the runs in which the receiver takes everything.
fn requests(evidence: &Evidence, check: impl Fn(&Recorded, &Message) -> Checked) -> Checked {
    for run in [&evidence.busy, &evidence.order, &evidence.stale, &evidence.headers] {
        run.requests
            .iter()
            .zip(run.messages()?)
            .try_for_each(|(request, message)| check(request, message))?;
    }
    Ok(())
}

/// Applies `check` to their series.
fn series(evidence: &Evidence, check: impl Fn(&Series) -> Checked) -> Checked {
    for run in [&evidence.busy, &evidence.order, &evidence.stale, &evidence.headers] {
        run.series()?.into_iter().try_for_each(&check)?;
    }
    Ok(())
}

/// The value of a header that is there once.
fn header(request: &Recorded, name: &str) -> Result<String, String> {
    let values: Vec<_> = request.request.headers.get_all(name).iter().collect();
    match &*values {
        [value] => Ok(value.to_str().unwrap_or_default().to_owned()),
        _ => Err(format!("{name}: {values:?}")),
    }
}

fn has_header(evidence: &Evidence, name: &str, expected: &str) -> Checked {
    requests(evidence, |request, _| {
        let found = header(request, name)?;
        ensure(found == expected, || format!("{name}: expected {expected}, got {found}"))
    })
}

/// Other bodies cannot be decoded, which is an error of all checks.
pub(crate) fn messages_are_of_the_schema(evidence: &Evidence) -> Checked {
    requests(evidence, |_, _| Ok(()))
}

pub(crate) fn messages_are_of_2(evidence: &Evidence) -> Checked {
    requests(evidence, |_, message| ensure(message.v2.is_some(), || format!("{message:?}")))
}

pub(crate) fn requests_are_posts_to_the_url(evidence: &Evidence) -> Checked {
    requests(evidence, |Recorded { request, .. }, _| {
        ensure(request.method == "POST" && request.target == PATH, || {
            format!("{} {}", request.method, request.target)
        })
    })
}

/// A value of the receiver at the time that was pushed.
fn stored(evidence: &Evidence, name: &str, label: (&str, &str)) -> Result<Value, String> {
    let has = |(labels, _): &(&Labels, _)| {
        labels.get("__name__").is_some_and(|found| found == name)
            && labels.get(label.0).is_some_and(|found| found == label.1)
    };
    let (_, samples) = evidence.stored.iter().find(has).ok_or_else(|| format!("no {name} with {label:?}"))?;
    let value = samples.get(&evidence.now_ms);
    value.cloned().ok_or_else(|| format!("{name}: expected a sample at {}, got {samples:?}", evidence.now_ms))
}

pub(crate) fn timestamps_are_milliseconds(evidence: &Evidence) -> Checked {
    evidence.busy.series()?;
    stored(evidence, "requests_total", ("zone", "b")).map(|_| ())
}

/// Cortex stores 0 for -0, so the bits are those of the request.
pub(crate) fn values_are_exact(evidence: &Evidence) -> Checked {
    let all = evidence.busy.series()?;
    ODD.iter().try_for_each(|&(label, value)| {
        let has_label =
            |series: &&&Series| series.labels.iter().any(|(name, found)| name == "v" && found == label);
        let sent: Vec<_> = all.iter().filter(has_label).flat_map(|series| &series.samples).collect();
        let is_sent = sent.len() == 1 && Float::from(f64::from_bits(sent[0].1)) == value.into();
        let Value::Float(found) = stored(evidence, "odd", ("v", label))? else {
            return Err(label.to_owned());
        };
        let is_stored = found == value.into() || found == 0.0.into() && label == "zero";
        ensure(is_sent && is_stored, || format!("expected {value}, got {sent:?}, {found:?}"))
    })
}

pub(crate) fn the_encoding_is_snappy(evidence: &Evidence) -> Checked {
    has_header(evidence, "content-encoding", "snappy")
}

pub(crate) fn the_type_is_of_1(evidence: &Evidence) -> Checked {
    has_header(evidence, "content-type", TYPE_1)
}

pub(crate) fn the_type_is_of_2(evidence: &Evidence) -> Checked {
    has_header(evidence, "content-type", TYPE_2)
}

pub(crate) fn the_version_is_0_1_0(evidence: &Evidence) -> Checked {
    has_header(evidence, "x-prometheus-remote-write-version", "0.1.0")
}

pub(crate) fn the_version_is_2_0_0(evidence: &Evidence) -> Checked {
    has_header(evidence, "x-prometheus-remote-write-version", "2.0.0")
}

/// RFC 9110, 10.1.5: products, each a token, with a version after a slash.
pub(crate) fn the_user_agent_has_name_and_version(evidence: &Evidence) -> Checked {
    requests(evidence, |request, _| {
        let agent = header(request, "user-agent")?;
        let is_token = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
        };
        let is_product = |product: &str| {
            product.split_once('/').is_some_and(|(name, version)| is_token(name) && is_token(version))
        };
        ensure(agent.split(' ').all(is_product), || agent)
    })
}

pub(crate) fn reserved_headers_are_there_once(evidence: &Evidence) -> Checked {
    requests(evidence, |request, _| {
        let names = ["content-encoding", "content-type", "x-prometheus-remote-write-version", "user-agent"];
        names.iter().try_for_each(|name| header(request, name).map(|_| ()))
    })
}

/// A client sends other values of these headers to the gateway.
pub(crate) fn clients_do_not_set_headers(evidence: &Evidence) -> Checked {
    let usual = &evidence.stale.requests.first().ok_or("no request arrived")?.request.headers;
    for Recorded { request, .. } in &evidence.headers.requests {
        for name in ["content-encoding", "content-type", "x-prometheus-remote-write-version", "user-agent"] {
            let (expected, found) = (usual.get(name), request.headers.get(name));
            ensure(expected == found, || format!("{name}: expected {expected:?}, got {found:?}"))?;
        }
    }
    let are_stored = evidence.has("headers_1") && evidence.has("headers_2");
    ensure(evidence.headers.requests.len() == 2 && are_stored, || "expected two requests".to_owned())
}

/// A block that can be decoded does not begin as a frame does.
pub(crate) fn bodies_are_blocks(evidence: &Evidence) -> Checked {
    requests(evidence, |recorded, _| {
        let body = &recorded.request.body;
        ensure(!body.starts_with(b"\xff\x06\x00\x00sNaPpY"), || "the framed format".to_owned())
    })
}

/// The run pushed one metric, in one request, which the receiver has.
fn is_written_at_once(evidence: &Evidence, run: &Run, name: &str) -> Checked {
    let count = run.with_samples()?.len();
    let is_success = run.answers == [200];
    ensure(count == 1 && is_success && evidence.has(name), || {
        format!("{count} requests, answers {:?}, stored {}: {:?}", run.answers, evidence.has(name), run.logs)
    })
}

pub(crate) fn the_body_of_a_success_is_ignored(evidence: &Evidence) -> Checked {
    is_written_at_once(evidence, &evidence.with_body, "with_body")
}

/// The client gets an error of the server.
pub(crate) fn a_success_with_a_body_is_an_error(evidence: &Evidence) -> Checked {
    let run = &evidence.with_body;
    let is_explained = run.logs.iter().any(|line| line.contains("the URL may be wrong"));
    let count = run.with_samples()?.len();
    ensure(count == 1 && run.answers == [503] && is_explained, || {
        format!("{count} requests, answers {:?}: {:?}", run.answers, run.logs)
    })
}

pub(crate) fn all_labels_are_stored(evidence: &Evidence) -> Checked {
    evidence.busy.series()?;
    let found = evidence.stored.keys().find(|labels| labels.get("zone").is_some_and(|zone| zone == UNICODE));
    let expected = [("Z", "2"), ("__name__", "requests_total"), ("job", "senders"), ("zone", UNICODE)];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    ensure(found == Some(&expected), || format!("expected {expected:?}, got {found:?}"))
}

pub(crate) fn series_have_a_name(evidence: &Evidence) -> Checked {
    series(evidence, |series| ensure(!series.name().is_empty(), || format!("{series:?}")))
}

pub(crate) fn label_names_are_unique(evidence: &Evidence) -> Checked {
    series(evidence, |series| {
        let names: HashSet<_> = series.labels.iter().map(|(name, _)| name).collect();
        ensure(names.len() == series.labels.len(), || format!("{series:?}"))
    })
}

pub(crate) fn label_names_ascend(evidence: &Evidence) -> Checked {
    series(evidence, |series| {
        ensure(series.labels.is_sorted_by(|(a, _), (b, _)| a < b), || format!("{series:?}"))
    })
}

/// One of the labels that are pushed is empty.
pub(crate) fn no_label_is_empty(evidence: &Evidence) -> Checked {
    series(evidence, |series| {
        let is_full = series.labels.iter().all(|(name, value)| !name.is_empty() && !value.is_empty());
        ensure(is_full, || format!("{series:?}"))
    })
}

fn is_name(text: &str, has_colons: bool) -> bool {
    let is_first = |b: u8| b.is_ascii_alphabetic() || b == b'_' || has_colons && b == b':';
    text.bytes().next().is_some_and(is_first) && text.bytes().all(|b| is_first(b) || b.is_ascii_digit())
}

pub(crate) fn metric_names_are_valid(evidence: &Evidence) -> Checked {
    series(evidence, |series| ensure(is_name(series.name(), true), || format!("{series:?}")))
}

pub(crate) fn label_names_are_valid(evidence: &Evidence) -> Checked {
    series(evidence, |series| {
        ensure(series.labels.iter().all(|(name, _)| is_name(name, false)), || format!("{series:?}"))
    })
}

/// The gateway has none of its own.
pub(crate) fn no_label_is_reserved(evidence: &Evidence) -> Checked {
    series(evidence, |series| {
        let is_reserved = |name: &str| name.starts_with("__") && name != "__name__";
        ensure(series.labels.iter().all(|(name, _)| !is_reserved(name)), || format!("{series:?}"))
    })
}

/// The text of the 400 requests another attempt.
pub(crate) fn error_messages_are_not_interpreted(evidence: &Evidence) -> Checked {
    let (count, answers) = (evidence.misleading.with_samples()?.len(), &evidence.misleading.answers);
    ensure(count == 1 && *answers == [400], || format!("{count} requests, answers {answers:?}"))
}

pub(crate) fn error_messages_are_logged(evidence: &Evidence) -> Checked {
    let logs = &evidence.misleading.logs;
    ensure(logs.iter().any(|line| line.contains(MISLEADING)), || format!("{logs:?}"))
}

/// Samples were pushed in a random order, and several requests have some of each series.
pub(crate) fn samples_ascend_over_requests(evidence: &Evidence) -> Checked {
    let mut requests = evidence.order.with_samples()?;
    requests.sort_by_key(|(request, _)| request.began);
    ensure(requests.len() > 1, || "one request".to_owned())?;
    let mut last = HashMap::new();
    for series in requests.iter().flat_map(|(_, message)| &message.series) {
        for time in series.times() {
            let before = last.insert(&series.labels, time);
            ensure(before.is_none_or(|before| before < time), || {
                format!("{time} after {before:?}: {series:?}")
            })?;
        }
    }
    let stored = evidence.stored.iter().filter(|(labels, _)| labels["__name__"] == "order");
    let stored: usize = stored.map(|(_, samples)| samples.len()).sum();
    ensure(stored == 400, || format!("expected 400 samples, got {stored}"))
}

pub(crate) fn no_series_is_in_two_requests_at_once(evidence: &Evidence) -> Checked {
    let requests = evidence.order.with_samples()?;
    for (at, (one, message)) in requests.iter().enumerate() {
        for (other, others) in &requests[at + 1..] {
            let is_apart = one.ended <= other.began || other.ended <= one.began;
            let labels: HashSet<_> = message.series.iter().map(|series| &series.labels).collect();
            let is_shared = others.series.iter().any(|series| labels.contains(&series.labels));
            ensure(is_apart || !is_shared, || format!("{labels:?}"))?;
        }
    }
    Ok(())
}

pub(crate) fn requests_are_sent_again_after_5xx(evidence: &Evidence) -> Checked {
    let requests = evidence.unavailable.with_samples()?;
    let statuses: Vec<_> = requests.iter().map(|(request, _)| request.status).collect();
    let (last, refused) = statuses.split_last().ok_or("no request arrived")?;
    ensure(refused == [500, 502, 503, 504, 500, 599] && *last < 300, || format!("{statuses:?}"))?;
    let is_same = requests.iter().all(|(_, message)| *message == requests[0].1);
    ensure(is_same && evidence.has("retried"), || "another message, or not stored".to_owned())
}

pub(crate) fn requests_are_sent_again_after_408(evidence: &Evidence) -> Checked {
    let requests = evidence.timed_out.with_samples()?;
    let statuses: Vec<_> = requests.iter().map(|(request, _)| request.status).collect();
    ensure(matches!(statuses[..], [408, 200..300]), || format!("{statuses:?}"))?;
    let is_same = requests[0].1 == requests[1].1;
    ensure(is_same && evidence.has("timed_out"), || "another message, or not stored".to_owned())
}

/// The longest of six waits is over the limit of the first one, 50 ms: with jitter, each may be short.
pub(crate) fn the_wait_grows(evidence: &Evidence) -> Checked {
    let requests = evidence.unavailable.with_samples()?;
    let waits = requests.windows(2).map(|pair| pair[1].0.began - pair[0].0.ended);
    let longest = waits.max().unwrap_or_default();
    ensure(longest > Duration::from_millis(50), || format!("{longest:?}"))
}

pub(crate) fn requests_are_not_sent_again_after_2xx(evidence: &Evidence) -> Checked {
    for run in [&evidence.busy, &evidence.order, &evidence.stale] {
        let requests = run.with_samples()?;
        let bodies: HashSet<_> = requests.iter().map(|(request, _)| &request.request.body).collect();
        let is_taken = requests.iter().all(|(request, _)| request.status < 300);
        ensure(is_taken && bodies.len() == requests.len(), || "a body twice, or an error".to_owned())?;
        ensure(run.answers.iter().all(|status| *status < 300), || format!("{:?}", run.answers))?;
    }
    Ok(())
}

pub(crate) fn requests_are_not_sent_again_after_4xx(evidence: &Evidence) -> Checked {
    evidence.rejected.iter().try_for_each(|(status, run)| {
        // After the first 400, a request without samples tests whether this is a receiver at all.
        let count = run.with_samples()?.len();
        ensure(count == 1, || format!("{status}: {count} requests"))
    })
}

pub(crate) fn a_stale_marker_has_its_bits(evidence: &Evidence) -> Checked {
    let sent = evidence.stale.series()?.into_iter().filter(|series| series.name() == "gone");
    let bits: Vec<_> = sent.flat_map(|series| &series.samples).map(|(_, bits)| *bits).collect();
    ensure(bits == [1_f64.to_bits(), STALE], || format!("{bits:x?}"))?;
    let is_gone = evidence.current.iter().all(|labels| labels["__name__"] != "gone");
    ensure(is_gone, || format!("{:?}", evidence.current))
}

/// It was pushed with the bits of the marker as its value.
pub(crate) fn a_measured_nan_is_not_the_marker(evidence: &Evidence) -> Checked {
    let sent = evidence.stale.series()?.into_iter().filter(|series| series.name() == "measured");
    let bits: Vec<_> = sent.flat_map(|series| &series.samples).map(|(_, bits)| *bits).collect();
    let are_nans =
        bits.len() == 2 && bits.iter().all(|bits| *bits != STALE && f64::from_bits(*bits).is_nan());
    ensure(are_nans, || format!("{bits:x?}"))?;
    let is_current = evidence.current.iter().any(|labels| labels["__name__"] == "measured");
    ensure(is_current, || format!("{:?}", evidence.current))
}

pub(crate) fn requests_have_several_series(evidence: &Evidence) -> Checked {
    let counts: Vec<_> = evidence.busy.messages()?.iter().map(|message| message.series.len()).collect();
    ensure(counts.len() == 2 && counts.iter().all(|count| *count > 1), || format!("{counts:?}"))
}

pub(crate) fn series_have_samples_or_histograms(evidence: &Evidence) -> Checked {
    series(evidence, |series| {
        ensure(series.samples.is_empty() != series.histograms.is_empty(), || format!("{series:?}"))
    })?;
    let histograms = evidence.busy.series()?.iter().filter(|series| !series.histograms.is_empty()).count();
    ensure(histograms > 0, || "no histogram arrived".to_owned())
}

/// Those of the metrics that were pushed with type, help and unit.
pub(crate) fn series_have_metadata(evidence: &Evidence) -> Checked {
    let all = evidence.busy.series()?;
    for (name, expected) in [
        ("requests_total", (1, "Requests.", "")),
        ("latency_seconds_bucket", (3, "Latency.", "")),
        ("size_bytes", (5, "", "")),
        ("_1http_server_gr_e_bytes", (2, "Size.", "bytes")),
        ("native", (3, "", "")),
    ] {
        let found: Vec<_> = all.iter().filter(|series| series.name() == name).collect();
        let is_expected = |series: &&Series| {
            let metadata = series.metadata.as_ref();
            metadata.is_some_and(|(kind, help, unit)| (*kind, &**help, &**unit) == expected)
        };
        ensure(!found.is_empty() && found.iter().all(|series| is_expected(series)), || {
            format!("{name}: {found:?}")
        })?;
    }
    Ok(())
}

/// A counter and a native histogram were pushed with it.
pub(crate) fn counters_have_their_start(evidence: &Evidence) -> Checked {
    let expected = evidence.now_ms - START_MS;
    for name in ["started_total", "native"] {
        let mut starts = Vec::new();
        for message in evidence.busy.messages()? {
            let request = message.v2.as_ref().ok_or("WriteRequest")?;
            let named =
                message.series.iter().zip(&request.timeseries).filter(|(series, _)| series.name() == name);
            for (_, series) in named {
                starts.extend(series.samples.iter().map(|sample| sample.start_timestamp));
                starts.extend(series.histograms.iter().map(|histogram| histogram.start_timestamp));
            }
        }
        ensure(starts == [expected], || format!("{name}: expected {expected}, got {starts:?}"))?;
    }
    Ok(())
}

pub(crate) fn symbols_are_unique(evidence: &Evidence) -> Checked {
    requests(evidence, |_, message| {
        let symbols = &message.v2.as_ref().ok_or("WriteRequest")?.symbols;
        let unique: HashSet<_> = symbols.iter().collect();
        ensure(unique.len() == symbols.len(), || format!("{symbols:?}"))
    })
}

pub(crate) fn the_first_symbol_is_empty(evidence: &Evidence) -> Checked {
    requests(evidence, |_, message| {
        let symbols = &message.v2.as_ref().ok_or("WriteRequest")?.symbols;
        ensure(symbols.first().is_some_and(String::is_empty), || format!("{symbols:?}"))
    })
}

/// Of three pushes the first was sent in 2.0 and then in 1.0, the others in 1.0 at once, and all arrived.
fn falls_back(evidence: &Evidence, run: &Run, name: &str) -> Checked {
    let requests = run.with_samples()?;
    let types: Vec<_> = requests.iter().map(|(request, _)| request.request.header("content-type")).collect();
    ensure(types == [TYPE_2, TYPE_1, TYPE_1, TYPE_1], || format!("{types:?}"))?;
    for (request, _) in &requests[1..] {
        let version = header(request, "x-prometheus-remote-write-version")?;
        ensure(version == "0.1.0", || version)?;
    }
    let are_stored = (1..=3).all(|push| evidence.has(&format!("{name}_{push}")));
    ensure(are_stored && run.answers == [202; 3], || format!("{:?}, stored {are_stored}", run.answers))
}

pub(crate) fn a_fallback_is_of_1(evidence: &Evidence) -> Checked {
    falls_back(evidence, &evidence.auto_415, "auto_0")
}

pub(crate) fn a_first_400_falls_back(evidence: &Evidence) -> Checked {
    falls_back(evidence, &evidence.auto_400, "auto_1")
}

pub(crate) fn a_success_without_written_headers_is_a_415(evidence: &Evidence) -> Checked {
    falls_back(evidence, &evidence.auto_without_written, "auto_2")
}

/// Prometheus and Cortex send them in no answer to 1.0.
pub(crate) fn a_fallback_needs_no_written_headers(evidence: &Evidence) -> Checked {
    a_fallback_is_of_1(evidence)
}

/// The first answer has the version 0.1.0; the next request is of 2.0 all the same.
pub(crate) fn the_version_in_an_answer_is_ignored(evidence: &Evidence) -> Checked {
    let requests = evidence.other_version.with_samples()?;
    let types: Vec<_> = requests.iter().map(|(request, _)| request.request.header("content-type")).collect();
    ensure(types == [TYPE_2; 2] && evidence.has("version_1") && evidence.has("version_2"), || {
        format!("{types:?}")
    })
}
