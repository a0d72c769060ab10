//! The command `tour`: what a person sees at its end.

use tokio::process::Command;

use crate::support::{PROGRAM, function, moto, query};

async fn tour(prometheus: &str, with_query: bool) -> String {
    let mut command = Command::new(PROGRAM);
    command.args(["tour", "--prometheus", prometheus, "--function"]).arg(function());
    command.arg("--moto").arg(moto());
    if with_query {
        command.arg("--query").arg(query());
    }
    let output = command.kill_on_drop(true).output().await.expect("the program runs");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{}: {printed}", output.status);
    printed
}

#[tokio::test]
async fn with_prometheus_it_ends_with_a_chart_of_what_was_written() {
    let printed = tour("auto", true).await;
    let (_, end) = printed.split_once("[6/6] What the query function reads back").expect("the last part");
    for pond in ["north", "mill", "quarry"] {
        assert!(end.lines().any(|row| row.contains('│') && row.ends_with(pond)), "{pond}: {end}");
    }
    assert!(end.contains("510 values read back, each as it was stored, to the last bit"), "{end}");
}

#[tokio::test]
async fn without_prometheus_a_line_at_the_start_explains_it() {
    let printed = tour("none", true).await;
    let (start, parts) = printed.split_once("[1/5] Starting").expect("the first part");
    assert!(start.contains("Without Prometheus nothing is read back."), "{start}");
    assert!(parts.trim_end().ends_with("+ 0 given back"), "{parts}");
}

#[tokio::test]
async fn the_headings_show_the_progress() {
    let printed = tour("none", false).await;
    let numbers = printed.lines().filter_map(|line| line.strip_prefix('[')?.split_once("] "));
    let numbers: Vec<&str> = numbers.map(|(number, _)| number).collect();
    assert_eq!(numbers, ["1/5", "2/5", "3/5", "4/5", "5/5"]);
}

#[tokio::test]
async fn without_the_query_functions_it_ends_with_the_sums() {
    let printed = tour("none", false).await;
    assert!(!printed.contains("reads back"), "{printed}");
    assert!(printed.trim_end().ends_with("+ 0 given back"), "{printed}");
}
