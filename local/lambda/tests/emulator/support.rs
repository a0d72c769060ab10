//! A function, alone or with an extension that has its orders.

use std::path::PathBuf;
use std::time::Duration;

use local_lambda::runtime::{Function, FunctionOptions, Invocation};
use serde_json::{Value, json};

/// The file name, and so the name, of the example extension.
pub(crate) const NAME: &str = "obedient_extension";

/// Cargo builds examples together with tests, next to the folder of the test program.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test program has a path");
    test.ancestors().nth(2).expect("target/<profile>/deps/<test>").join("examples").join(name)
}

/// A function alone.
pub(crate) fn obedient() -> FunctionOptions {
    FunctionOptions::new(example("obedient_function"))
}

/// A function with one extension that has these orders.
pub(crate) fn with_extension(orders: &Value) -> FunctionOptions {
    obedient().extension(example(NAME)).env("EXTENSION", orders.to_string())
}

pub(crate) async fn started(options: FunctionOptions) -> Function {
    Function::spawn(options).await.expect("the function comes up")
}

pub(crate) async fn invoke(function: &mut Function, order: Value) -> Invocation {
    function.invoke(order.to_string()).await
}

/// Lines that begin with `kind`, as the extension wrote them so far, without it.
pub(crate) fn lines_of(lines: &[String], kind: &str) -> Vec<String> {
    let begin = format!("{NAME}: {kind} ");
    lines.iter().filter_map(|line| line.strip_prefix(&begin)).map(str::to_owned).collect()
}

/// The extension's events in lines that it wrote.
pub(crate) fn events(lines: &[String]) -> Vec<Value> {
    lines_of(lines, "event").iter().map(|event| serde_json::from_str(event).expect("JSON")).collect()
}

/// Status and body of the answers to the calls that the extension made after its registration.
pub(crate) async fn answers_to(calls: Value) -> Vec<(u16, String)> {
    answers(with_extension(&json!({ "after": calls }))).await
}

/// Status and body of all answers that the extension got in the init phase.
pub(crate) async fn answers(options: FunctionOptions) -> Vec<(u16, String)> {
    let mut function = started(options).await;
    let shutdown = function.shutdown().await.expect("it ran");
    let split = |answer: &String| {
        let (status, body) = answer.split_once(' ').expect("status and body");
        (status.parse().expect("a status"), body.to_owned())
    };
    lines_of(&shutdown.logs, "answer").iter().map(split).collect()
}

/// Waits for something that is on its way.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: not within 5 s");
}
