//! `tour`: sends events through the real function, shows the result of each, reads them back, and pushes once over HTTP.
//!
//! The exit code is 1 if an event is missing, changed or in the wrong place.

mod push;

use std::error::Error;
use std::time::Duration;

use local_amp::{LabelSet, StoredSamples, StoredSeries};
use local_testing::clock::Clock;
use local_testing::truncate;
use owo_colors::OwoColorize as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::CommandResult;
use crate::arguments::TourArguments;
use crate::audit::{Audit, attribute};
use crate::console::{millis, print_heading, print_line, print_verdict};
use crate::events::{Event, Flaw, Sent};
use crate::invocation_line;
use crate::stack::{Stack, StackOptions, Storage};

/// Readings of each device in the queue, and the time between them: five minutes in all.
const READINGS: i64 = 20;
const INTERVAL_MS: i64 = 15_000;

/// Devices with their mean temperatures.
const DEVICES: [(&str, f64); 3] = [("north", 14.3), ("mill", 11.9), ("quarry", 9.4)];

/// How long the queue may take to become empty.
const DRAIN_LIMIT: Duration = Duration::from_mins(1);

/// Runs the tour.
pub(crate) async fn run(arguments: &TourArguments) -> CommandResult {
    let storage = arguments.programs.storage().await.unwrap_or_else(|error| error.exit());
    print_heading("Serverless Prometheus push gateway: a tour on this machine");
    if storage == Storage::Memory && arguments.query.is_some() {
        print_line!("  Prometheus is not installed: nothing is read back.");
    }
    // Only Prometheus evaluates PromQL.
    let query = arguments.query.clone().filter(|_| storage != Storage::Memory);
    let parts = if query.is_some() { 5 } else { 3 };
    let heading = |part: u8, name: &str| print_heading(&format!("[{part}/{parts}] {name}"));

    heading(1, "Starting");
    let began = Instant::now();
    let programs = &arguments.programs;
    let defaults = StackOptions::new(programs.function.clone(), programs.moto.clone());
    // Readings of five minutes may be split over two batches.
    let out_of_order_window = Duration::from_mins(10);
    let options = StackOptions { query, storage, out_of_order_window, ..defaults };
    let stack = Stack::start(&options, move |event| invocation_line::print(began, &event)).await?;
    print_line!("  SQS, Lambda and an AMP workspace, all on 127.0.0.1 ({})", millis(began.elapsed()));

    heading(2, "Sending: an event and an array by invoke, the others to the queue");
    let sent = send(&stack, Clock::system().now_ms()).await?;

    heading(3, "Results");
    print_series(&stack.amp().series());
    let audit = Audit::new(&stack, &sent).await?;
    for letter in &audit.letters {
        print_line!(
            "  dead letter, {}: {}",
            attribute(letter, "reason").yellow(),
            truncate(&letter.body, 90)
        );
        print_line!("    {}", truncate(attribute(letter, "detail"), 100).dimmed());
    }
    audit.print(&stack.figures().await?);
    if options.query.is_none() {
        return Ok(audit.adds_up());
    }
    heading(4, "Reading back with the query function");
    let is_read_back = read_back(&stack).await?;
    heading(5, "Pushing over HTTP, as to a Pushgateway");
    let is_pushed = push::push_and_read_back(&stack).await?;
    Ok(audit.adds_up() && is_read_back && is_pushed)
}

/// Sends everything, and waits until the queue is empty.
async fn send(stack: &Stack, now_ms: i64) -> Result<Sent, Box<dyn Error>> {
    let mut sent = Sent::default();
    let reading = |device, ago, temperature: f64, ph: f64| {
        let metrics = [("temperature", format!("{temperature:.2}")), ("ph", format!("{ph:.2}"))];
        Event::new(device, now_ms - ago, metrics)
    };
    let single = reading("workshop", 0, 19.8, 7.1);
    let array = [reading("lab", 2_000, 20.1, 7.1), reading("lab", 1_000, 20.6, 7.0)];
    let array_body = format!("[{},{}]", array[0].body, array[1].body);
    for body in [single.body.clone(), array_body] {
        stack.function().invoke(body.into(), None).await?;
    }
    std::iter::once(&single).chain(&array).for_each(|event| sent.note(event));

    let mut rng = fastrand::Rng::with_seed(1);
    let mut events = Flaw::ALL.map(|flaw| Event::flawed(flaw, "north", now_ms)).to_vec();
    for (device, mean) in DEVICES {
        for number in 0..READINGS {
            let (temperature, ph) = (mean + rng.f64(), 6.9 + rng.f64() / 10.0);
            events.push(reading(device, (READINGS - number) * INTERVAL_MS, temperature, ph));
        }
    }
    rng.shuffle(&mut events);
    sent.send(stack.sqs(), &stack.endpoints().queue_url, &events).await?;
    let deadline = Instant::now() + DRAIN_LIMIT;
    while !stack.figures().await?.queue.is_empty() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stack.drain().await;
    Ok(sent)
}

fn print_series(stored: &StoredSeries) {
    for (labels, samples) in stored {
        let last = samples.last_key_value().map_or(f64::NAN, |(_, value)| *value);
        print_line!("  {:<32} {:>3} samples, the last is {last}", selector(labels), samples.len());
    }
}

/// `temperature{device="north"}`.
fn selector(labels: &LabelSet) -> String {
    let name = labels.get("__name__").map_or("", String::as_str);
    let others = labels.iter().filter(|(name, _)| *name != "__name__");
    let others: Vec<String> = others.map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{name}{{{}}}", others.join(", "))
}

/// Reads the temperatures of the devices through the function, and compares them with the workspace's memory.
async fn read_back(stack: &Stack) -> Result<bool, Box<dyn Error>> {
    let stored: Vec<StoredSamples> = DEVICES
        .iter()
        .map(|(device, _)| stack.amp().samples_of(&[("__name__", "temperature"), ("device", device)]))
        .collect();
    let timestamps = || stored.iter().flat_map(|samples| samples.keys().copied());
    let (Some(start), Some(end)) = (timestamps().min(), timestamps().max()) else {
        return Err("the workspace has no temperatures".into());
    };
    let query = format!("temperature{{device=~\"{}\"}}", DEVICES.map(|(device, _)| device).join("|"));
    let payload = json!({
        "query": query,
        "start": seconds(start),
        "end": seconds(end),
        "step": format!("{INTERVAL_MS}ms"),
    });
    let function = stack.query_function("range_query").ok_or("the function range_query is missing")?;
    let invocation = function.invoke(payload.to_string().into(), None).await?;
    let body = invocation.response().ok_or("range_query failed, see above")?;
    let answer: Value = serde_json::from_slice(body)?;
    let series = answer["body"]["data"]["result"].as_array().ok_or("range_query returned no series")?;

    let is_equal = DEVICES.iter().zip(&stored).all(|((device, _), samples)| {
        let points = series.iter().find(|series| series["metric"]["device"] == *device);
        let points = points.and_then(|series| series["values"].as_array()).into_iter().flatten();
        let values = points.filter_map(|point| point[1].as_str()?.parse::<f64>().ok());
        values.map(f64::to_bits).eq(samples.values().map(|value| value.to_bits()))
    });
    let count: usize = stored.iter().map(StoredSamples::len).sum();
    print_line!("  PromQL: {query}");
    let verdict = if is_equal { "read back, bit for bit as stored" } else { "do not match those read back" };
    print_verdict(is_equal, &format!("{count} values {verdict}"));
    Ok(is_equal)
}

/// Milliseconds as Unix seconds with three decimals.
fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1_000), ms.rem_euclid(1_000))
}
