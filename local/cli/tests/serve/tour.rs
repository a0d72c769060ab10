//! The output of the command `tour`.

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
async fn with_prometheus_it_reads_back_every_value() {
    let printed = tour("auto", true).await;
    let (before, end) = printed.split_once("[4/5] Reading back").expect("the fourth part");
    assert!(before.contains("66 events sent = 63 delivered + 3 dead-lettered + 0 in flight"), "{before}");
    let (read, pushed) = end.split_once("[5/5] Pushing").expect("the last part");
    assert!(read.contains("60 values read back, bit for bit as stored"), "{read}");
    assert!(pushed.contains("42.5 pushed and read back"), "{pushed}");
}

#[tokio::test]
async fn without_prometheus_a_line_at_the_start_explains_it() {
    let printed = tour("none", true).await;
    let (start, parts) = printed.split_once("[1/3] Starting").expect("the first part");
    assert!(start.contains("nothing is read back"), "{start}");
    assert!(parts.contains("[2/3]") && parts.contains("[3/3]"), "{parts}");
}

#[tokio::test]
async fn without_the_query_functions_it_ends_with_the_sums() {
    let printed = tour("none", false).await;
    assert!(!printed.contains("Reading back"), "{printed}");
    assert!(printed.trim_end().ends_with("+ 0 in flight"), "{printed}");
}
