//! Each request is answered with the same class of status, and each error with the same text, or the difference is in the list.

use std::path::Path;

use local_amp::{AmpOptions, AmpStandIn};
use local_lambda::http::{Endpoint, HttpServer, Kind};
use local_lambda::runtime::FunctionOptions;
use local_lambda::service::Pool;
use local_testing::clock::Clock;
use serde_json::Value;

use crate::differences::DIFFERENCES;
use crate::function_binary;
use crate::requests::{COUNT, Request, all};
use crate::server::{Answer, Pushgateway, program, send};

/// The time of the timestamps in the requests.
const NOW_MS: i64 = 1_700_000_000_000;

/// The answers of version 1.11.2 to the requests that it answers otherwise than Debian's 1.5.1, by case. The gateway follows
/// the newer version.
const NEWER: &str = include_str!("answers-of-1.11.2.json");

fn recorded(answer: &Value) -> Answer {
    let body = answer["body"].as_str().expect("a text").to_owned();
    let status = answer["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    Answer { status: status.expect("a status"), allow: None, body }
}

#[tokio::test]
async fn answers_are_those_of_a_pushgateway() {
    let mut pushgateway = Pushgateway::start(&program()).await;
    let clock = Clock::fixed(NOW_MS);
    let amp = AmpOptions { clock: clock.clone(), ..AmpOptions::default() };
    let amp = AmpStandIn::start(amp).await.expect("a free port");
    let options = FunctionOptions::new(function_binary())
        .env("REMOTE_WRITE_URL", amp.remote_write_url())
        .env("HTTP_AUTH", "none");
    let function = Pool::new(options, 4, |_| ());
    let endpoint = Endpoint::new(Kind::FunctionUrl);
    let ours = HttpServer::start(0, endpoint, function, clock).await.expect("a free port");
    let address = ours.url().replace("http://", "");

    let requests = all();
    assert_eq!(requests.len(), COUNT);
    let mut used = vec![false; DIFFERENCES.len()];
    let mut wrong = Vec::new();
    let newer: Value = serde_json::from_str(NEWER).expect("JSON");
    for request in &requests {
        // A late sample of one request is not late because of another.
        amp.reset();
        let theirs = pushgateway.answer(request).await;
        let theirs = newer.get(&request.case).map_or(theirs, recorded);
        let ours = send(&address, request).await.expect("an answer");
        if is_same(&theirs, &ours) {
            continue;
        }
        match DIFFERENCES.iter().position(|difference| (difference.explains)(request, &theirs, &ours)) {
            Some(at) => used[at] = true,
            None => wrong.push(describe(request, &theirs, &ours)),
        }
    }
    assert!(wrong.is_empty(), "{} of {COUNT}:\n{}", wrong.len(), wrong.join("\n"));
    let unused: Vec<_> =
        DIFFERENCES.iter().zip(used).filter(|(_, used)| !used).map(|(one, _)| one.name).collect();
    assert_eq!(unused, [""; 0], "differences that no request shows");
}

fn is_same(theirs: &Answer, ours: &Answer) -> bool {
    let is_error = theirs.status >= 400;
    let is_same_text = !is_error || plain(&theirs.body) == plain(&ours.body);
    theirs.status == ours.status && is_same_text && theirs.allow == ours.allow
}

/// Go's protobuf prints a metric with random blanks, and 1.5.1 prints `label:<name:"a" >` for `label:{name:"a"}`.
fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace() && !"<>{}".contains(*character)).collect()
}

fn describe(request: &Request, theirs: &Answer, ours: &Answer) -> String {
    let answer = |answer: &Answer| format!("{} {:?}", answer.status, answer.body);
    let body = String::from_utf8_lossy(&request.body);
    format!(
        "{}: {} {} {body:?}\n  theirs: {}\n  ours:   {}",
        request.case,
        request.method,
        request.target,
        answer(theirs),
        answer(ours)
    )
}

#[test]
fn the_readme_lists_every_difference() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lambda/push-gateway/README.md");
    let readme = std::fs::read_to_string(readme).expect("a README");
    let section =
        readme.split("\n## ").find(|section| section.starts_with("Differences from a Pushgateway\n"));
    let rows = section.expect("the section").lines().filter_map(|line| line.strip_prefix("| ")).skip(1);
    let listed: Vec<_> = rows.map(|row| row.trim_end_matches(" |").replace(" | ", ": ")).collect();
    let expected: Vec<_> = DIFFERENCES.iter().map(|one| format!("{}: {}", one.name, one.reason)).collect();
    assert_eq!(listed, expected);
}
