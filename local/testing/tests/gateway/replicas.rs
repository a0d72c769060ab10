//! Series of HA replicas in remote write: the receiver's 202 is passed on, and concerns no other series.

use std::time::Duration;

use local_amp::proto::{Label, Sample, TimeSeries, WriteRequest};
use prost::Message as _;

use crate::function_url::{Answer, FunctionUrl};
use crate::support::{NOW_MS, Setup};

fn series(labels: &[(&str, &str)]) -> TimeSeries {
    let label = |(name, value): &(&str, &str)| Label { name: (*name).to_owned(), value: (*value).to_owned() };
    TimeSeries {
        labels: labels.iter().map(label).collect(),
        samples: vec![Sample { value: 1.0, timestamp: NOW_MS }],
        histograms: vec![],
    }
}

fn of_replica(replica: &str, name: &str) -> TimeSeries {
    series(&[("__name__", name), ("__replica__", replica), ("cluster", "c")])
}

async fn write(stage: &FunctionUrl, timeseries: Vec<TimeSeries>) -> Answer {
    let message = WriteRequest { timeseries, metadata: vec![] }.encode_to_vec();
    let body = snap::raw::Encoder::new().compress_vec(&message).expect("a short message");
    let headers = [("content-type", "application/x-protobuf"), ("content-encoding", "snappy")];
    stage.send("POST", "/api/v1/remote_write", &headers, body).await
}

/// A receiver drops all of a request that begins with a replica that it has not elected.
#[tokio::test]
async fn a_replica_that_is_not_elected_is_202_and_drops_no_others() {
    let timeout = Some(Duration::from_secs(30));
    let stage = FunctionUrl::start(Setup::new().amp(|amp| amp.ha_failover_timeout = timeout)).await;
    let answer = write(&stage, vec![of_replica("a", "up")]).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let plain = series(&[("__name__", "plain")]);
    let answer = write(&stage, vec![of_replica("b", "down"), plain, of_replica("a", "new")]).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.body, "deduplicated: the receiver has elected another replica\n");
    let stored: Vec<_> =
        stage.amp.series().into_keys().filter_map(|mut labels| labels.remove("__name__")).collect();
    assert_eq!(stored.len(), 3, "{stored:?}");
    assert!(!stored.iter().any(|name| name == "down"), "{stored:?}");
    // Of each replica, and the plain one.
    assert_eq!(stage.amp.requests().len(), 1 + 3);
    // With nothing else, all of it is deduplicated.
    let answer = write(&stage, vec![of_replica("b", "down")]).await;
    assert_eq!((answer.status, stage.amp.sample_count()), (202, 3), "{answer:?}");
}
