//! The version of remote write: what an environment sends with each setting.

use crate::services::{Stage, push};

const OF_1: &str = "application/x-protobuf";
const OF_2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.request";

/// The content types of the requests of two pushes, of which the second has nothing new in its metadata.
async fn requests(protocol: &str, takes_version_2: bool) -> Vec<String> {
    let stage = Stage::new(&[("HTTP_AUTH", "none"), ("REMOTE_WRITE_PROTOCOL", protocol)]).await;
    stage.services().takes_version_2 = takes_version_2;
    for _ in 0..2 {
        let (status, body) = stage.answer(&push("# HELP m A number.\n# TYPE m gauge\nm 1\n")).await;
        assert_eq!(status, 202, "{body}");
    }
    stage.services().content_types.clone()
}

/// Metadata has requests of its own in 1.0, after the samples.
#[tokio::test]
async fn each_environment_finds_the_version_once() {
    assert_eq!(requests("1.0", true).await, [OF_1, OF_1, OF_1]);
    assert_eq!(requests("2.0", true).await, [OF_2, OF_2]);
    assert_eq!(requests("auto", true).await, [OF_2, OF_2]);
    assert_eq!(requests("auto", false).await, [OF_2, OF_1, OF_1, OF_1]);
}
