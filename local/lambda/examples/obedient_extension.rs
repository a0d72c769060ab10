//! A scripted Lambda extension for tests of the emulator, which shares no code with it.
//!
//! The variable `EXTENSION` is a JSON object with its orders, or with one set of orders for each extension's name. It prints
//! `answer STATUS BODY` for each call and `event JSON` for each event.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::exit;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

/// `before`, `after` and `later` are lists of calls to make before its registration, after it, and at each invocation;
/// `events` are those that it registers for; `init`, `invoke` and `shutdown` are `exit`, `error` or `hang`; `ms` is how long
/// it processes an invocation.
struct Extension {
    api: String,
    name: String,
    orders: Value,
    identifier: String,
}

/// An answer: status, headers in lower case, body.
struct Answer(u16, String, String);

fn main() {
    let name = std::env::args().next().expect("a program has a name");
    let name = Path::new(&name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let orders = environment("EXTENSION").unwrap_or_else(|| "{}".to_owned());
    let orders: Value = serde_json::from_str(&orders).expect("orders are JSON");
    let orders = orders.get(&name).cloned().unwrap_or(orders);
    let api = environment("AWS_LAMBDA_RUNTIME_API").expect("Lambda sets it");
    let mut extension = Extension { api, name, orders, identifier: String::new() };
    extension.make_calls("before");
    extension.register();
    extension.make_calls("after");
    extension.misbehave("init", "init/error");
    loop {
        extension.take_event();
    }
}

impl Extension {
    fn register(&mut self) {
        let events = self.orders.get("events").cloned().unwrap_or_else(|| json!(["INVOKE", "SHUTDOWN"]));
        let headers = json!({ "Lambda-Extension-Name": self.name });
        let body = json!({ "events": events });
        let Answer(status, headers, body) =
            self.call("POST", "/2020-01-01/extension/register", &headers, &body.to_string());
        println!("answer {status} {body}");
        let line = headers.lines().find_map(|line| line.strip_prefix("lambda-extension-identifier:"));
        line.unwrap_or_default().trim().clone_into(&mut self.identifier);
    }

    fn make_calls(&self, when: &str) {
        for call in self.orders[when].as_array().into_iter().flatten() {
            let text = |name: &str| call[name].as_str().unwrap_or_default();
            let body = match &call["body"] {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                json => json.to_string(),
            };
            let Answer(status, _, body) = self.call(text("method"), text("path"), &call["headers"], &body);
            println!("answer {status} {}", body.trim_end());
        }
    }

    fn take_event(&self) {
        let identified = json!({ "Lambda-Extension-Identifier": self.identifier });
        let Answer(status, _, body) = self.call("GET", "/2020-01-01/extension/event/next", &identified, "");
        if status != 200 {
            println!("answer {status} {body}");
            exit(1);
        }
        println!("event {body}");
        let event: Value = serde_json::from_str(&body).expect("events are JSON");
        if event["eventType"] == "SHUTDOWN" {
            self.misbehave("shutdown", "exit/error");
            exit(0);
        }
        self.make_calls("later");
        sleep(Duration::from_millis(self.orders["ms"].as_u64().unwrap_or_default()));
        self.misbehave("invoke", "exit/error");
    }

    fn misbehave(&self, phase: &str, path: &str) {
        match self.orders[phase].as_str() {
            Some("exit") => exit(9),
            Some("hang") => loop {
                sleep(Duration::from_mins(1));
            },
            Some("error") => {
                let headers = json!({
                    "Lambda-Extension-Identifier": self.identifier,
                    "Lambda-Extension-Function-Error-Type": "Extension.ConfigInvalid",
                });
                let body = json!({ "errorMessage": "as ordered", "errorType": "Ordered", "stackTrace": [] });
                let path = format!("/2020-01-01/extension/{path}");
                let Answer(status, ..) = self.call("POST", &path, &headers, &body.to_string());
                println!("answer {status}");
                exit(1);
            }
            _ => {}
        }
    }

    /// `$ID` in a header stands for the identifier.
    fn call(&self, method: &str, path: &str, headers: &Value, body: &str) -> Answer {
        let api = &self.api;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\n");
        for (name, value) in headers.as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default().replace("$ID", &self.identifier);
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(api).expect("the API is there");
        write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).expect("the API listens");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer(status.unwrap_or_default(), head.to_lowercase(), body.to_owned())
    }
}

#[expect(clippy::disallowed_methods, reason = "this is a main program")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
