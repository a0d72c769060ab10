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
    let (_, end) = printed.split_once("What the query function reads back").expect("the last part");
    for pond in ["north", "mill", "quarry"] {
        assert!(end.lines().any(|row| row.contains('│') && row.ends_with(pond)), "{pond}: {end}");
    }
    assert!(end.contains("510 values read back, each as it was stored, to the last bit"), "{end}");
}

#[tokio::test]
async fn without_prometheus_it_says_how_to_get_it() {
    let printed = tour("none", true).await;
    let (_, end) = printed.split_once("What the query function reads back").expect("the last part");
    assert!(
        end.contains("apt-get install prometheus") && end.contains("https://prometheus.io/download/"),
        "{end}"
    );
}

#[tokio::test]
async fn without_the_query_functions_it_ends_with_the_sums() {
    let printed = tour("none", false).await;
    assert!(!printed.contains("reads back"), "{printed}");
    assert!(printed.trim_end().ends_with("+ 0 given back"), "{printed}");
}
