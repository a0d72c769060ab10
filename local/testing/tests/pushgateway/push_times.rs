//! `push_time_seconds` and `push_failure_time_seconds`, which a Pushgateway shows of every group.

use local_amp::{AmpOptions, AmpStandIn};
use local_lambda::http::{Kind, Request};
use local_lambda::runtime::{Function, FunctionOptions};

use crate::function_binary;

/// When the pushes arrive.
const RECEIVED_MS: i64 = 1_795_881_014_000;

#[tokio::test]
async fn a_push_that_fails_is_noted_in_its_group() {
    let amp = AmpOptions { max_sample_age: None, max_ahead: None, ..AmpOptions::default() };
    let amp = AmpStandIn::start(amp).await.expect("a free port");
    let function = FunctionOptions::new(function_binary())
        .env("REMOTE_WRITE_URL", amp.remote_write_url())
        .env("HTTP_AUTH", "none");
    let mut function = Function::spawn(function).await.expect("the function comes up");
    let times = |name: &str| {
        let samples = amp.samples_of(&[("__name__", name), ("job", "backup"), ("city", "Oslo")]);
        samples.into_iter().map(|(timestamp_ms, seconds)| (timestamp_ms, seconds * 1e3)).collect::<Vec<_>>()
    };
    let long_value = format!("m{{l=\"{}\"}} 1\n", "x".repeat(3_000));
    for (body, status, failures) in [("m 1\n", 202, 0), ("m 1", 400, 1), (&long_value, 400, 2)] {
        let request = Request::new("PUT", "/metrics/job/backup/city/Oslo", RECEIVED_MS).body(body.to_owned());
        let invocation = function.invoke(Kind::FunctionUrl.event(&request).to_string()).await;
        let answer = invocation.json().expect("an answer");
        assert_eq!(answer["statusCode"], status, "{answer}");
        #[expect(clippy::cast_precision_loss, reason = "exact for this time")]
        let pushed = (RECEIVED_MS, RECEIVED_MS as f64);
        assert_eq!(times("push_time_seconds"), [pushed]);
        assert_eq!(times("push_failure_time_seconds").len(), failures);
    }
}
