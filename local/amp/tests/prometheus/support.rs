//! The program under the tests, and a stand-in in front of it.

use std::path::PathBuf;

use crate::sender::{NOW_MS, stand_in};
use local_amp::{AmpOptions, AmpStandIn};
use local_testing::prometheus::Prometheus;

pub(crate) fn program() -> PathBuf {
    Prometheus::find().expect("no prometheus in PATH: install it (Debian and Ubuntu: apt-get install prometheus), or set PROMETHEUS")
}

pub(crate) async fn prometheus() -> Prometheus {
    Prometheus::start(&program(), 0).await.expect("a Prometheus")
}

/// A stand-in with a storage, whose clock stands still at [`NOW_MS`].
pub(crate) async fn in_front_of(url: &str, change: impl FnOnce(&mut AmpOptions)) -> AmpStandIn {
    stand_in(|options| {
        options.prometheus = Some(url.to_owned());
        change(options);
    })
    .await
}

/// [`NOW_MS`] as a parameter.
pub(crate) fn now() -> String {
    (NOW_MS / 1_000).to_string()
}
