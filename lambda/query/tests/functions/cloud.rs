//! A workspace: a real Prometheus behind the AMP stand-in, which verifies every signature, with data that the gateway
//! wrote.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws::{Client, Network, World};
use local_amp::{AmpOptions, AmpStandIn};
use local_testing::clock::Clock;
use local_testing::prometheus::Prometheus;
use push_gateway::config::Config;
use push_gateway::handler::{Gateway, Invocation};
use serde_json::Value;

use crate::support::{Function, credentials};

/// The workspace.
pub(crate) struct Cloud {
    pub(crate) prometheus: Prometheus,
    amp: AmpStandIn,
}

impl Cloud {
    /// An empty workspace with a clock that stands still at `now`.
    pub(crate) async fn at(now: SystemTime) -> Self {
        let ms = now.duration_since(UNIX_EPOCH).expect("a time after 1970").as_millis();
        let clock = Clock::fixed(i64::try_from(ms).expect("a time before the year 292 million"));
        let program = Prometheus::find().expect("a program `prometheus` in PATH, or its path in PROMETHEUS");
        let prometheus = Prometheus::start(&program, 0).await.expect("prometheus");
        let options = AmpOptions {
            credentials: Some(credentials()),
            prometheus: Some(prometheus.url().to_owned()),
            clock,
            ..AmpOptions::default()
        };
        let amp = AmpStandIn::start(options).await.expect("a free port");
        Self { prometheus, amp }
    }

    /// The URL of the stand-in.
    pub(crate) fn url(&self) -> String {
        self.amp.remote_write_url().trim_end_matches("/api/v1/remote_write").to_owned()
    }

    /// Writes events through the gateway, without a signature, into the Prometheus behind the workspace.
    pub(crate) async fn write(&self, events: &Value) {
        write_to(&self.prometheus, events).await;
    }

    /// A function of the workspace.
    pub(crate) fn function(&self, handler: &str) -> Function {
        Function::new(handler, &[("WORKSPACE_URL", &self.url())])
    }
}

/// Writes events through the gateway, without a signature.
pub(crate) async fn write_to(prometheus: &Prometheus, events: &Value) {
    let url = format!("{}/api/v1/write", prometheus.url());
    let variable = |name: &str| match name {
        "REMOTE_WRITE_URL" => Some(url.clone()),
        "REMOTE_WRITE_AUTH" => Some("none".to_owned()),
        _ => None,
    };
    let config = Config::from_lookup(variable).expect("a configuration");
    let world = World { now: || UNIX_EPOCH, random: || 0.5 };
    let gateway = Gateway::new(config, Client::new(None, &Network::default(), world));
    let payload = events.to_string();
    let now = aws::now();
    let invocation =
        Invocation { payload: payload.as_bytes(), id: "request", now, time: Duration::from_secs(30) };
    gateway.handle(invocation).await.0.expect("written");
}
