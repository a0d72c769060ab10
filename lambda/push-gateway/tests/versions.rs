//! Delivery in remote write 2.0, and the return to 1.0 with receivers that do not take it.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use aws::{Attempts, Failure, Patience, Response};
use prometheus_proto::{WriteRequest, v2};
use prost::Message;
use push_gateway::delivery::{Delivery, Limits, Protocol, Receiver, deliver};
use remote_write::{EncodedRequest, MetricName, NameEscaping, Point, Series, SeriesBuilder, Value, Version};
use tokio::time::Instant;

const NOW_MS: i64 = 1_700_000_000_000;

/// The value of the sample that a receiver drops without saying so by the status.
const SILENTLY_DROPPED: f64 = 7.0;

/// What is answered to a request of 2.0: a status, and the number of written samples.
type Answer = (u16, Option<u32>);

/// One sample of each of `count` series.
fn series(count: u32) -> Series {
    let mut builder = SeriesBuilder::default();
    for at in 0..count {
        let name = MetricName::new(format!("m_{at}"), NameEscaping::Reject).unwrap();
        let metrics = vec![(name, Value::float(f64::from(at)))];
        builder.add(&[Point { timestamp_ms: NOW_MS, metrics, ..Point::default() }]).unwrap();
    }
    builder.group()
}

/// The values in a request.
fn values(request: &EncodedRequest) -> Vec<f64> {
    let message = snap::raw::Decoder::new().decompress_vec(&request.body).unwrap();
    match request.version {
        Version::V1 => {
            let request = WriteRequest::decode(&message[..]).unwrap();
            request.timeseries.iter().flat_map(|t| &t.samples).map(|sample| sample.value).collect()
        }
        Version::V2 => {
            let request = v2::Request::decode(&message[..]).unwrap();
            request.timeseries.iter().flat_map(|t| &t.samples).map(|sample| sample.value).collect()
        }
    }
}

struct Run {
    delivery: Delivery,
    /// The versions of the requests.
    versions: Vec<Version>,
    /// The values of those that were accepted.
    stored: BTreeSet<u64>,
}

/// Delivers to a receiver that takes 1.0, and answers requests of 2.0 as `answer` does to their values.
async fn run(
    series: &Series,
    receiver: &Receiver,
    max_request_bytes: usize,
    answer: impl Fn(&[f64]) -> Answer,
) -> Run {
    let (versions, stored) = (RefCell::new(Vec::new()), RefCell::new(BTreeSet::new()));
    let send = async |request: EncodedRequest, _: Patience| {
        assert!(request.decoded_len <= max_request_bytes && request.body.len() <= max_request_bytes);
        let before = versions.borrow().len();
        versions.borrow_mut().push(request.version);
        if request.version == Version::V2 {
            // Of several lanes, the first goes on before the next one has its answer.
            for _ in 0..=before {
                tokio::task::yield_now().await;
            }
        }
        let values = values(&request);
        let (status, written) = if request.version == Version::V1 { (200, None) } else { answer(&values) };
        if status < 300 && (request.version == Version::V1 || written.is_some()) {
            let kept =
                values.iter().filter(|value| request.version == Version::V1 || **value != SILENTLY_DROPPED);
            stored.borrow_mut().extend(kept.map(|value| value.to_bits()));
        }
        let attempts = Attempts { count: 1, elapsed: Duration::ZERO };
        Ok::<_, Failure>(Response { attempts, written, ..Response::new(status, "") })
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    let limits = Limits {
        now_ms: NOW_MS,
        out_of_order_window_ms: 60_000,
        isolate_until: deadline,
        deadline,
        max_request_bytes,
    };
    let points = u32::try_from(series.samples().len()).unwrap();
    let record_of: Vec<u32> = (0..points).collect();
    let delivery = deliver(series, &record_of, &HashSet::new(), limits, receiver, &send).await;
    Run { delivery, versions: versions.into_inner(), stored: stored.into_inner() }
}

fn all_written(values: &[f64]) -> Answer {
    (204, Some(values.len().try_into().unwrap()))
}

#[tokio::test]
async fn a_receiver_of_2_0_is_written_to_in_2_0() {
    for protocol in [Protocol::Auto, Protocol::Fixed(Version::V2)] {
        let receiver = Receiver::new(protocol);
        let run = run(&series(3), &receiver, 1_000_000, all_written).await;
        assert!(run.delivery.outcome(0..3).is_done());
        assert_eq!((run.versions, run.stored.len()), (vec![Version::V2], 3));
        assert_eq!(run.delivery.figures.samples, 3);
    }
}

/// A receiver of 1.0 that reads the content type, some that do not, and one that answers 400 to anything else.
#[tokio::test]
async fn a_receiver_of_1_0_is_written_to_in_1_0_from_then_on() {
    for answer in [(415, None), (200, None), (204, None), (204, Some(0)), (400, None)] {
        let receiver = Receiver::new(Protocol::Auto);
        let first = run(&series(3), &receiver, 1_000_000, |_| answer).await;
        assert!(first.delivery.outcome(0..3).is_done(), "{answer:?}");
        assert_eq!((first.versions, first.stored.len()), (vec![Version::V2, Version::V1], 3), "{answer:?}");
        let second = run(&series(3), &receiver, 1_000_000, |_| answer).await;
        assert_eq!(second.versions, [Version::V1], "{answer:?}");
    }
}

#[tokio::test]
async fn lanes_in_flight_fall_back_after_1_0_was_accepted() {
    for answer in [(400, None), (204, Some(0))] {
        let receiver = Receiver::new(Protocol::Auto);
        // One sample in each request.
        let run = run(&series(4), &receiver, 60, |_| answer).await;
        let outcome = run.delivery.outcome(0..4);
        assert!(outcome.is_done(), "{answer:?}: {outcome}");
        let (v1, v2) = (Version::V1, Version::V2);
        assert_eq!(run.versions, [v2, v2, v2, v2, v1, v1, v1, v1], "{answer:?}");
    }
}

/// A request of 2.0 is shorter than the same samples in 1.0.
#[tokio::test]
async fn requests_stay_within_the_limit_in_1_0() {
    let series = series(400);
    let receiver = Receiver::new(Protocol::Auto);
    let len = series.encoded_len(series.samples(), Version::V2);
    assert!(len < series.encoded_len(series.samples(), Version::V1));
    let run = run(&series, &receiver, len, |_| (415, None)).await;
    assert!(run.delivery.outcome(0..400).is_done());
    assert_eq!((run.versions[0], run.stored.len()), (Version::V2, 400));
    assert!(run.versions[1..].iter().all(|version| *version == Version::V1));
}

#[tokio::test]
async fn an_outage_is_no_reason_to_fall_back() {
    let receiver = Receiver::new(Protocol::Auto);
    for status in [202, 401, 403, 404, 500] {
        let run = run(&series(3), &receiver, 1_000_000, |_| (status, None)).await;
        assert!(run.delivery.outcome(0..3).is_retry(), "{status}");
        assert_eq!(receiver.version(), Version::V2, "{status}");
    }
}

#[tokio::test]
async fn with_2_0_alone_a_receiver_of_1_0_gets_nothing() {
    let receiver = Receiver::new(Protocol::Fixed(Version::V2));
    for (answer, reason) in [
        ((415, None), "the answer was 415"),
        ((200, None), "without the number of samples written"),
        ((204, Some(0)), "the answer was 204, with 0 samples written"),
    ] {
        let run = run(&series(3), &receiver, 1_000_000, |_| answer).await;
        let outcome = run.delivery.outcome(0..3);
        assert!(outcome.is_retry() && outcome.to_string().contains(reason), "{outcome}");
        assert!(run.versions.iter().all(|version| *version == Version::V2));
    }
}

#[tokio::test]
async fn what_a_success_does_not_count_is_isolated() {
    for protocol in [Protocol::Auto, Protocol::Fixed(Version::V2)] {
        let receiver = Receiver::new(protocol);
        let answer = |values: &[f64]| {
            let kept = values.iter().filter(|value| **value != SILENTLY_DROPPED);
            (204, Some(kept.count().try_into().unwrap()))
        };
        let run = run(&series(20), &receiver, 1_000_000, answer).await;
        let outcome = run.delivery.outcome(7..8);
        assert!(outcome.is_rejected(), "{outcome}");
        assert_eq!(outcome.to_string(), "the receiver answered 204 0 of 1 samples were written");
        assert!((0..20).filter(|at| *at != 7).all(|at| run.delivery.outcome(at..at + 1).is_done()));
        assert_eq!((run.stored.len(), run.delivery.figures.samples), (19, 19));
        assert!(run.versions.iter().all(|version| *version == Version::V2));
    }
}

/// Cortex reports 0 for an error of its ingester, although it has stored the valid samples.
#[tokio::test]
async fn written_numbers_of_a_rejection_are_not_believed() {
    let receiver = Receiver::new(Protocol::Auto);
    let answer = |values: &[f64]| {
        if values.contains(&7.0) { (400, Some(0)) } else { all_written(values) }
    };
    let run = run(&series(20), &receiver, 1_000_000, answer).await;
    assert!(run.delivery.outcome(7..8).is_rejected());
    assert!((0..20).filter(|at| *at != 7).all(|at| run.delivery.outcome(at..at + 1).is_done()));
    assert_eq!(run.stored.len(), 19);
    assert!(run.versions.iter().all(|version| *version == Version::V2));
}
