//! Text exposition and `OpenMetrics`. The samples of an accepted body, written as text of their own, are read as the same.
#![no_main]

use std::fmt::Write as _;

use formats::Format;
use libfuzzer_sys::fuzz_target;
use push_gateway_fuzz::exposition::{Sample, read};
use remote_write::NameEscaping;

fuzz_target!(|body: &[u8]| {
    for format in [Format::Text, Format::OpenMetrics] {
        for escaping in [NameEscaping::Underscores, NameEscaping::Values, NameEscaping::Reject] {
            let Ok(samples) = read(format, body, escaping) else { continue };
            let lines = body.split(|&byte| byte == b'\n').count() - 1;
            assert!(samples.len() <= lines, "{} samples in {lines} lines", samples.len());
            let mut text = String::new();
            for (at, (series, timestamp_ms, value)) in samples.iter().enumerate() {
                // A second sample of a series is accepted of a histogram or summary only.
                if samples[..at].iter().any(|(known, at_ms, _)| (known, at_ms) == (series, timestamp_ms)) {
                    return;
                }
                let value = value.expect("text has no native histograms");
                let _ = writeln!(text, "{series} {value} {timestamp_ms}");
            }
            let again = read(Format::Text, text.as_bytes(), NameEscaping::Reject);
            assert_eq!(again.as_deref().map(plain), Ok(plain(&samples)), "{text}");
        }
    }
});

/// The samples with the bits of their values, because no NaN is equal to itself.
fn plain(samples: &[Sample]) -> Vec<(&str, i64, Option<u64>)> {
    samples.iter().map(|(series, at, value)| (&**series, *at, value.map(f64::to_bits))).collect()
}
