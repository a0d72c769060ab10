//! A scripted Lambda function for tests of the emulator.
//!
//! The payload `{"do": …, "ms": …}` sets the outcome. The variable `INIT` makes the init phase fail: `report` reports an
//! error, `exit` ends, `hang` never becomes ready, `slow` takes half a second more. With the variable `ATTEMPTS`, a file, it
//! is a list with one word for each start. With the variable `RESPONSE` it returns that JSON for every payload, or for `"echo"` the
//! payload as an HTTP body, and for `"hang"` nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::exit;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use nix::time::ClockId;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match init_order().as_str() {
        "report" => report_init_error(),
        "exit" => {
            eprintln!("cannot go on");
            exit(3)
        }
        "hang" => std::future::pending().await,
        "slow" => tokio::time::sleep(Duration::from_millis(500)).await,
        _ => {}
    }
    println!("ready");
    lambda_runtime::run(service_fn(obey)).await
}

/// The order for this init phase; each start adds a byte to the file.
fn init_order() -> String {
    let orders = environment("INIT").unwrap_or_default();
    let Some(file) = environment("ATTEMPTS") else { return orders };
    let mut attempts = std::fs::OpenOptions::new().append(true).create(true).open(file).expect("a file");
    let before = attempts.metadata().expect("it is there").len();
    attempts.write_all(b".").expect("there is room");
    let mut orders = orders.split(',');
    orders.nth(usize::try_from(before).unwrap_or_default()).unwrap_or_default().to_owned()
}

async fn obey(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (order, context) = event.into_parts();
    if let Some(response) = environment("RESPONSE") {
        return match serde_json::from_str(&response)? {
            Value::String(word) if word == "echo" => {
                Ok(json!({ "statusCode": 200, "body": order.to_string() }))
            }
            Value::String(word) if word == "hang" => std::future::pending().await,
            response => Ok(response),
        };
    }
    let time = Duration::from_millis(order["ms"].as_u64().unwrap_or_default());
    match order["do"].as_str().unwrap_or_default() {
        "fail" => return Err("as ordered".into()),
        "panic" => panic!("as ordered"),
        "exit" => exit(7),
        "sleep" => tokio::time::sleep(time).await,
        "burn" => {
            // CPU time, because a busy machine gives a process less of it than of wall-clock time.
            let used = || ClockId::CLOCK_PROCESS_CPUTIME_ID.now().map(Duration::from);
            let before = used()?;
            while used()? < before + time {}
        }
        "log" => {
            println!("to stdout");
            eprintln!("to stderr");
        }
        "write" => {
            for _ in 0..order["lines"].as_u64().unwrap_or_default() {
                println!("{}", order["text"].as_str().unwrap_or_default());
            }
        }
        "size" => {
            return Ok("x".repeat(usize::try_from(order["bytes"].as_u64().unwrap_or_default())?).into());
        }
        "environment" => {
            return Ok(std::env::vars().collect::<std::collections::BTreeMap<_, _>>().into_iter().collect());
        }
        _ => {}
    }
    let custom = context.client_context.map(|client| client.custom);
    let (request_id, deadline) = (context.request_id, context.deadline);
    Ok(json!({
        "echo": order,
        "requestId": request_id,
        "deadline": deadline,
        "custom": custom,
        "pid": std::process::id(),
    }))
}

/// The runtime crate does not report init errors, so this calls the API itself.
fn report_init_error() -> ! {
    let report = r#"{"errorType":"BadConfig","errorMessage":"REMOTE_WRITE_URL is not set"}"#;
    let api = environment("AWS_LAMBDA_RUNTIME_API").expect("Lambda sets it");
    let mut stream = TcpStream::connect(&api).expect("the runtime API is there");
    let length = report.len();
    write!(
        stream,
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nhost: {api}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{report}"
    )
    .expect("the runtime API listens");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    exit(1)
}

#[expect(clippy::disallowed_methods, reason = "this is a main program")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
