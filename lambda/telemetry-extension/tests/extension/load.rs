//! Memory stays within its budget with large, oversized and concurrent deliveries.

use std::time::Duration;

use local_amp::{Action, Fault, Matcher};
use serde_json::json;

use crate::host::Host;
use crate::remote_write::{amp, assert_valid, last, writes_to};

/// The budget for the extension's memory.
const MAX_KB: u64 = 24 * 1_024;

/// The peak memory of the extension, in KB.
fn peak_memory_kb(host: &Host) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// A batch with the most events that Lambda delivers: short log lines, each with a time of its own.
fn lines(batch: usize) -> String {
    let line = |at: usize| {
        format!(r#"{{"time":"2022-10-12T00:03:{batch:02}.{at:05}Z","type":"function","record":"line {at}"}}"#)
    };
    format!("[{}]", (0..10_000).map(line).collect::<Vec<_>>().join(","))
}

#[tokio::test]
async fn batches_of_ten_thousand_events_fit_into_the_memory() {
    let amp = amp().await;
    let mut host = writes_to(&amp).start().await.ready().await;
    for batch in 0..20 {
        assert_eq!(host.deliver_body(lines(batch)).await, 200);
        host.invoke().await;
    }
    let all = (20..28).map(|batch| host.deliver_body(lines(batch)));
    assert_eq!(futures_util::future::join_all(all).await, [200; 8]);
    let peak = peak_memory_kb(&host);
    assert!(host.shut_down().await.success());
    assert_valid(&amp);
    assert_eq!(last(&amp, "telemetry_events_total", "function"), Some(280_000.0));
    println!("peak memory with batches of 10,000 events: {peak} KB");
    assert!(peak <= MAX_KB, "{peak} KB");
}

/// Lambda would repeat a delivery that is rejected for its size.
#[tokio::test]
async fn an_oversized_delivery_is_dropped_and_counted() {
    let amp = amp().await;
    let host = writes_to(&amp).env("TELEMETRY_SUMMARIES", "true").start().await.ready().await;
    let huge = json!([{ "time": "t", "type": "function", "record": "x".repeat(40_000_000) }]).to_string();
    assert_eq!(host.deliver_body(huge).await, 200);
    host.deliver(&[json!({ "time": "t", "type": "function", "record": "y" })]).await;
    let peak = peak_memory_kb(&host);
    assert!(host.shut_down().await.success());
    assert_eq!(last(&amp, "telemetry_oversized_deliveries_total", ""), Some(1.0));
    assert_eq!(last(&amp, "telemetry_events_total", "function"), Some(1.0));
    assert_eq!(last(&amp, "report_duration_seconds_count", ""), Some(0.0));
    assert!(peak <= MAX_KB, "{peak} KB");
}

#[tokio::test]
async fn deliveries_are_received_while_a_dispatch_hangs() {
    let amp = amp().await;
    amp.set_faults(vec![Fault::always(Matcher::Any, Action::Hang)]);
    let mut host = writes_to(&amp).start().await.ready().await;
    host.invoke_and_report("success").await;
    host.begin_invoke();
    while amp.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for batch in 0..5 {
        assert_eq!(host.deliver_body(lines(batch)).await, 200);
    }
    host.until("it requests the next event without a response", |log| log.nexts >= 3).await;
    assert!(host.shut_down().await.success());
}
