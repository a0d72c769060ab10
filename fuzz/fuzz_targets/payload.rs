//! The payload of an invocation, up to its write requests: all that is accepted is sent as the protocol requires.
#![no_main]

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use formats::{Format, OtlpDelta, Rules};
use libfuzzer_sys::fuzz_target;
use push_gateway::envelopes::Envelope;
use push_gateway::records::{MAX_SAMPLE_BYTES, Records};
use push_gateway_fuzz::request;
use remote_write::{LabelName, Labels, MAX_REQUEST_BYTES, NameEscaping, Version, lanes};

fuzz_target!(|bytes: &[u8]| {
    let name = LabelName::new("env", NameEscaping::Reject).expect("a valid name");
    let external = Labels::new(vec![(name, Cow::Borrowed("fuzz"))]).expect("one label");
    let Ok(envelope) = Envelope::read(bytes) else { return };
    for escaping in [NameEscaping::Underscores, NameEscaping::Values, NameEscaping::Reject] {
        let rules = Rules {
            escaping,
            external_labels: &external,
            max_sample_bytes: MAX_SAMPLE_BYTES,
            grouping: &Vec::new(),
            received_ms: 0,
            now_ms: 1_676_398_017_000,
            max_future: Duration::from_mins(1),
            otlp_delta: OtlpDelta::Refuse,
        };
        check(&envelope, rules);
    }
});

fn check(envelope: &Envelope<'_>, rules: Rules<'_>) {
    let (records, series) = Records::read(envelope, Format::Event, rules);
    assert_eq!(records.records.len() + records.left_out, envelope.records(Format::Event).count());
    assert!(envelope.messages().iter().all(|message| !message.id.is_empty()));
    let instants: HashSet<_> = series.samples().iter().map(|s| (s.series, s.timestamp_ms)).collect();
    let mut lane_of = HashMap::new();
    let mut written = 0;
    for (lane, requests) in lanes(&series.plan(series.samples(), MAX_REQUEST_BYTES, Version::V1)).enumerate()
    {
        for planned in requests {
            let encoded = series.encode(&series.samples()[planned.samples.clone()], Version::V1);
            assert!(encoded.decoded_len <= MAX_REQUEST_BYTES, "{} bytes", encoded.decoded_len);
            written += encoded.samples;
            for series in request::checked(&encoded).timeseries {
                let labels: Vec<_> = series.labels.into_iter().map(|l| (l.name, l.value)).collect();
                assert!(labels.iter().any(|(name, _)| name == "env"), "no external label: {labels:?}");
                assert_eq!(*lane_of.entry(labels).or_insert(lane), lane, "a series is in two lanes");
            }
        }
    }
    assert_eq!(written, instants.len(), "samples were lost or invented");
    let mut written = 0;
    for planned in series.plan(series.samples(), MAX_REQUEST_BYTES, Version::V2) {
        let encoded = series.encode(&series.samples()[planned.samples], Version::V2);
        assert!(encoded.decoded_len <= MAX_REQUEST_BYTES, "{} bytes", encoded.decoded_len);
        written += encoded.samples;
    }
    assert_eq!(written, instants.len(), "samples were lost or invented in 2.0");
}
