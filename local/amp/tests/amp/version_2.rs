//! Remote write 2.0, with the option for it: what Cortex 1.21 answers with `distributor.remote_writev2_enabled`.

use local_amp::{AmpOptions, AmpStandIn};
use prometheus_proto::v2;
use prost::Message as _;

use crate::sender::{MINUTE_MS, NOW_MS, body_of, ph, request, stand_in, stored_ph};

/// The status of the answer, and the numbers of written samples, histograms and exemplars.
type Answer = (u16, Option<[String; 3]>);

async fn version_2(change: impl FnOnce(&mut AmpOptions)) -> AmpStandIn {
    stand_in(|options| {
        options.remote_write_2 = true;
        change(options);
    })
    .await
}

/// The series `ph{device=…}` with samples, of which each has its timestamp as value.
fn series(symbols: &mut Vec<String>, device: &str, timestamps: &[i64]) -> v2::TimeSeries {
    let labels = ["__name__", "ph", "device", device];
    let labels_refs = labels.map(|text| {
        let known = symbols.iter().position(|symbol| symbol == text);
        let at = known.unwrap_or_else(|| {
            symbols.push(text.to_owned());
            symbols.len() - 1
        });
        u32::try_from(at).expect("few symbols")
    });
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let sample = |&timestamp: &i64| v2::Sample { value: timestamp as f64, timestamp, start_timestamp: 1 };
    v2::TimeSeries {
        labels_refs: labels_refs.to_vec(),
        samples: timestamps.iter().map(sample).collect(),
        ..v2::TimeSeries::default()
    }
}

fn body(series_of: &[(&str, &[i64])]) -> Vec<u8> {
    let mut symbols = vec![String::new()];
    let timeseries = series_of.iter().map(|(device, times)| series(&mut symbols, device, times)).collect();
    compressed(&v2::Request { symbols, timeseries })
}

fn compressed(message: &v2::Request) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(&message.encode_to_vec()).expect("a message below 4 GB")
}

async fn send(amp: &AmpStandIn, body: Vec<u8>) -> Answer {
    let mut request = request(amp, body);
    for (name, value) in [
        ("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
        ("x-prometheus-remote-write-version", "2.0.0"),
    ] {
        request.headers_mut().insert(name, value.parse().expect("a header value"));
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = reqwest::Request::try_from(request).expect("a request for reqwest");
    let response = client.execute(request).await.expect("an answer");
    let written = ["samples", "histograms", "exemplars"].map(|kind| {
        let value = response.headers().get(format!("x-prometheus-remote-write-{kind}-written"));
        value.map(|value| value.to_str().expect("a number").to_owned())
    });
    let written = written.into_iter().collect::<Option<Vec<_>>>().and_then(|all| all.try_into().ok());
    (response.status().as_u16(), written)
}

fn answer(status: u16, samples: u32) -> Answer {
    (status, Some([samples.to_string(), "0".to_owned(), "0".to_owned()]))
}

#[tokio::test]
async fn a_request_of_2_0_is_415_without_the_option() {
    let amp = stand_in(|_| ()).await;
    assert_eq!(send(&amp, body(&[("a", &[NOW_MS])])).await, (415, None));
}

#[tokio::test]
async fn a_good_request_is_204_with_what_was_written() {
    let amp = version_2(|_| ()).await;
    let times = [NOW_MS - 1, NOW_MS];
    assert_eq!(send(&amp, body(&[("a", &times), ("b", &times[1..])])).await, answer(204, 3));
    assert_eq!(stored_ph(&amp, "a").len(), 2);
    assert_eq!(amp.sample_count(), 3);
}

/// A validation error: the number is true.
#[tokio::test]
async fn valid_samples_beside_an_old_one_are_counted() {
    let amp = version_2(|_| ()).await;
    let old = NOW_MS - 120 * MINUTE_MS;
    assert_eq!(send(&amp, body(&[("a", &[NOW_MS]), ("b", &[old])])).await, answer(400, 1));
    assert_eq!(amp.sample_count(), 1);
}

/// An error of the ingester: the number is 0, though the valid samples are stored.
#[tokio::test]
async fn valid_samples_beside_a_late_one_are_not_counted() {
    let amp = version_2(|_| ()).await;
    assert_eq!(send(&amp, body(&[("a", &[NOW_MS])])).await, answer(204, 1));
    let late = NOW_MS - 5 * MINUTE_MS;
    assert_eq!(send(&amp, body(&[("a", &[late]), ("b", &[NOW_MS])])).await, answer(400, 0));
    assert_eq!(stored_ph(&amp, "b").len(), 1);
}

#[tokio::test]
async fn a_message_of_1_0_is_read_as_an_empty_one() {
    let amp = version_2(|options| options.strict = false).await;
    assert_eq!(send(&amp, body_of(&[ph("a", NOW_MS, 7.0)])).await, answer(204, 0));
    assert_eq!(amp.sample_count(), 0);
}

#[tokio::test]
async fn a_symbol_outside_of_the_table_is_400() {
    let amp = version_2(|_| ()).await;
    let mut symbols = vec![String::new()];
    let mut timeseries = series(&mut symbols, "a", &[NOW_MS]);
    timeseries.labels_refs[3] = 99;
    let body = compressed(&v2::Request { symbols, timeseries: vec![timeseries] });
    assert_eq!(send(&amp, body).await, (400, None));
}
