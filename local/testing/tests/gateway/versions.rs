//! The versions of remote write in which is written, to receivers that take 2.0 and to one that does not.

use local_amp::{AmpOptions, ReceivedRequest};

use crate::outcomes::refuse;
use crate::support::{NOW_MS, Setup, Stage, event, one_event_each};

const VERSION_2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

async fn stage(protocol: &str, change: impl FnOnce(&mut AmpOptions)) -> Stage {
    Setup::new().amp(change).env("REMOTE_WRITE_PROTOCOL", protocol).start().await
}

fn takes_2_0(options: &mut AmpOptions) {
    options.remote_write_2 = true;
}

/// The status of each request, and whether it was one of 2.0.
fn requests(stage: &Stage) -> Vec<(Option<u16>, bool)> {
    let is_of_2 = |request: &ReceivedRequest| request.headers["content-type"] == VERSION_2;
    stage.amp.requests().iter().map(|request| (request.status, is_of_2(request))).collect()
}

#[tokio::test]
async fn the_receiver_and_the_setting_decide_on_the_version() {
    for (protocol, takes_version_2, expected) in [
        ("1.0", true, vec![(Some(200), false); 2]),
        ("2.0", true, vec![(Some(204), true); 2]),
        ("auto", true, vec![(Some(204), true); 2]),
        // Remembered by the second invocation.
        ("auto", false, vec![(Some(415), true), (Some(200), false), (Some(200), false)]),
    ] {
        let mut stage = stage(protocol, |options| options.remote_write_2 = takes_version_2).await;
        for at in 0..2 {
            assert_eq!(stage.bodies(&[event("a", NOW_MS + at, at)]).await, [0; 0], "{protocol}");
        }
        assert_eq!(requests(&stage), expected, "{protocol}");
        assert_eq!(stage.stored("ph", "a"), [(NOW_MS, 0.0), (NOW_MS + 1, 1.0)], "{protocol}");
    }
}

#[tokio::test]
async fn a_receiver_of_1_0_gets_nothing_if_2_0_is_set() {
    let mut stage = stage("2.0", |_| ()).await;
    assert_eq!(stage.bodies(&[event("a", NOW_MS, 1)]).await, [0]);
    assert_eq!((requests(&stage), stage.amp.sample_count()), (vec![(Some(415), true)], 0));
}

/// A success whose number of written samples lacks one, before and after the receiver has shown what it takes.
#[tokio::test]
async fn samples_that_a_success_does_not_count_are_returned() {
    for protocol in ["2.0", "auto"] {
        let mut stage = stage(protocol, takes_2_0).await;
        stage.fail(refuse("d7", 204));
        for _ in 0..2 {
            assert_eq!(stage.bodies(&one_event_each(20)).await, [7], "{protocol}");
            assert_eq!(stage.amp.sample_count(), 19, "{protocol}");
        }
        assert!(requests(&stage).iter().all(|request| *request == (Some(204), true)), "{protocol}");
    }
}

/// The first success of an environment counts nothing: `auto` takes the receiver for one of 1.0, and 2.0 for a wrong one.
#[tokio::test]
async fn a_success_that_counts_nothing_is_no_success() {
    for (protocol, versions) in [("2.0", vec![true]), ("auto", vec![true, false])] {
        let mut stage = stage(protocol, takes_2_0).await;
        stage.fail(refuse("a", 204));
        let returned = stage.bodies(&[event("a", NOW_MS, 1)]).await;
        // The answer to 1.0 has no numbers.
        assert_eq!(returned.len(), usize::from(protocol == "2.0"), "{protocol}");
        let of: Vec<_> = requests(&stage).into_iter().map(|(_, is_of_2)| is_of_2).collect();
        assert_eq!(of, versions, "{protocol}");
    }
}
