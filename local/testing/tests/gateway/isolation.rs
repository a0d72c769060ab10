//! A receiver that rejects some of the data: the rejected events are found, the others are written.

use local_amp::{Action, Fault, Ingestion, Matcher};
use local_lambda::sqs::sqs_event;
use local_testing::clock::Clock;
use serde_json::json;

use crate::outcomes::refuse;
use crate::queue::start_with_queue;
use crate::support::{NOW_MS, QUEUE, Setup, Stage, event, given_back, messages, one_event_each};

/// More requests than halves of 200 samples need, down to the smallest limit of the test.
const EXTRA: usize = 64;

async fn stage(ingestion: Ingestion) -> Stage {
    Setup::new().amp(|amp| amp.ingestion = ingestion).start().await
}

const BOTH: [Ingestion; 2] = [Ingestion::RollBack, Ingestion::KeepGood];

#[tokio::test]
async fn one_rejected_series_of_two_hundred_is_found() {
    for ingestion in BOTH {
        let mut stage = stage(ingestion).await;
        stage.fail(refuse("d137", 400));
        let bodies = one_event_each(200);
        assert_eq!(stage.bodies(&bodies).await, [137], "{ingestion:?}");
        assert_eq!(stage.amp.sample_count(), 199);
        assert!(stage.stored("ph", "d137").is_empty());
        assert!(stage.amp.requests().len() <= 1 + 16, "{} requests", stage.amp.requests().len());
        stage.assert_nothing_overlapped();
    }
}

/// The receiver has another value for the timestamp of one sample, its newest. A receiver that keeps the good samples has
/// newer ones when it is sent again, and takes it.
#[tokio::test]
async fn one_rejected_sample_of_a_series_is_found() {
    for ingestion in BOTH {
        let mut stage = stage(ingestion).await;
        assert_eq!(stage.bodies(&[event("a", NOW_MS + 20, -1)]).await, [0; 0]);
        let bodies: Vec<_> = (0..40).map(|at| event("a", NOW_MS + at, at)).collect();
        let (rejected, kept) = match ingestion {
            Ingestion::RollBack => (vec![20], -1),
            Ingestion::KeepGood => (vec![], 20),
        };
        assert_eq!(stage.bodies(&bodies).await, rejected, "{ingestion:?}");
        let expected =
            (0_i32..40).map(|at| (NOW_MS + i64::from(at), f64::from(if at == 20 { kept } else { at })));
        assert_eq!(stage.stored("ph", "a"), expected.collect::<Vec<_>>());
    }
}

/// A backlog that spans more than the receiver's out-of-order window, with one refused event; what is given back.
async fn one_refused_event_of_a_backlog(ingestion: Ingestion) -> Vec<usize> {
    let mut stage = stage(ingestion).await;
    stage.fail(refuse("bad", 400));
    let mut bodies: Vec<_> = (0..20).map(|at| event("a", NOW_MS + at * 10_000, at)).collect();
    bodies.push(event("bad", NOW_MS, 1));
    let returned = stage.bodies(&bodies).await;
    assert_eq!(stage.stored("ph", "a").len(), 20, "nothing good is lost");
    returned
}

#[tokio::test]
async fn one_rejected_event_of_a_backlog_is_found() {
    assert_eq!(one_refused_event_of_a_backlog(Ingestion::RollBack).await, [20]);
}

/// The limit that ARCHITECTURE.md describes: the receiver has stored the good samples of the rejected request and rejects
/// those behind its window the second time. Its status does not distinguish the two cases, and its error message may not
/// be interpreted.
#[tokio::test]
async fn behind_the_window_unaffected_events_may_be_given_back() {
    let returned = one_refused_event_of_a_backlog(Ingestion::KeepGood).await;
    assert!(returned.contains(&20), "the rejected one is among them: {returned:?}");
    let within_the_window = 14..20;
    assert!(within_the_window.clone().all(|at| !returned.contains(&at)), "{returned:?}");
}

#[tokio::test]
async fn several_rejected_series_are_found() {
    for ingestion in BOTH {
        let mut stage = stage(ingestion).await;
        // Devices are `g…` for good; the others have one label in common by which they are refused.
        let bodies: Vec<_> = (0..200)
            .map(|at| {
                let device = if at % 50 == 7 { "bad".to_owned() } else { format!("g{at}") };
                event(&device, NOW_MS + at, at)
            })
            .collect();
        stage.fail(refuse("bad", 422));
        assert_eq!(stage.bodies(&bodies).await, [7, 57, 107, 157], "{ingestion:?}");
        assert_eq!(stage.amp.sample_count(), 196);
    }
}

#[tokio::test]
async fn requests_to_a_receiver_that_rejects_all_are_bounded() {
    let mut stage = Stage::start().await;
    stage.fail(Fault::always(Matcher::SamplesOver(0), Action::status(400, "per-user series limit exceeded")));
    let bodies = fresh_events(1_000);
    assert_eq!(stage.bodies(&bodies).await, (0..1_000).collect::<Vec<_>>());
    let requests = stage.amp.requests().len();
    assert!((1_000..=2_000).contains(&requests), "{requests} requests");
}

/// Events of this moment: for those that are too old, some stand for all.
fn fresh_events(count: i64) -> Vec<String> {
    let now_ms = Clock::system().now_ms();
    (0..count).map(|at| event(&format!("d{at}"), now_ms - at, at)).collect()
}

/// An event is known to be rejected only if it was sent alone.
#[tokio::test]
async fn only_events_rejected_alone_become_dead_letters() {
    let (mut stage, queue) = start_with_queue(Setup::new(), "isolation-alone").await;
    stage.fail(Fault::always(Matcher::SamplesOver(0), Action::status(400, "per-user series limit exceeded")));
    let returned = stage.bodies(&fresh_events(200)).await;
    let moved = queue.letters().await;
    assert_eq!((returned.len(), moved.len()), (0, 200));
    let alone = stage.amp.requests().iter().filter(|request| request.sample_count() == 1).count();
    assert_eq!(alone, 200);
}

#[tokio::test]
async fn isolation_ends_before_the_deadline() {
    let mut stage = Setup::new().timeout_s(2).start().await;
    stage.amp.set_faults(vec![Fault::always(
        Matcher::Any,
        Action::SlowTrickle { code: 400, interval: std::time::Duration::from_millis(100) },
    )]);
    assert_eq!(stage.bodies(&one_event_each(50)).await, (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_failure_in_the_middle_of_isolation_loses_nothing() {
    let mut stage = Setup::new().timeout_s(3).start().await;
    let fails = Fault::times(4, Matcher::SamplesOver(10), Action::status(400, "too many for today"));
    stage
        .amp
        .set_faults(vec![fails, Fault::always(Matcher::series("device", "d3"), Action::status(503, "no"))]);
    let returned = stage.bodies(&one_event_each(100)).await;
    assert!(returned.contains(&3), "{returned:?}");
    assert_eq!(stage.amp.sample_count() + returned.len(), 100);
    assert!(returned.iter().all(|at| stage.stored("ph", &format!("d{at}")).is_empty()));
}

#[tokio::test]
async fn a_request_that_is_too_large_is_split_until_it_fits() {
    for limit in [1, 7, 20, 199] {
        let mut stage = Stage::start().await;
        stage.fail(Fault::always(
            Matcher::SamplesOver(limit),
            Action::status(413, "Request Entity Too Large"),
        ));
        let bodies = one_event_each(if limit == 1 { 30 } else { 200 });
        assert_eq!(stage.bodies(&bodies).await, [0; 0], "at most {limit} samples");
        assert_eq!(stage.amp.sample_count(), bodies.len());
        assert!(stage.amp.requests().len() <= 1 + EXTRA);
        stage.assert_nothing_overlapped();
    }
}

#[tokio::test]
async fn a_series_that_is_too_large_is_split_and_stays_in_order() {
    let mut stage = Stage::start().await;
    stage.fail(Fault::always(Matcher::SamplesOver(20), Action::status(413, "")));
    let bodies: Vec<_> = (0..200).map(|at| event("a", NOW_MS + (at * 77) % 200, at)).collect();
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    assert_eq!(stage.stored("ph", "a").len(), 200);
    let delivered: Vec<_> =
        stage.amp.requests().into_iter().filter(|request| request.status == Some(200)).collect();
    let first =
        |at: usize| delivered[at].request.as_ref().expect("decoded").timeseries[0].samples[0].timestamp;
    assert!((1..delivered.len()).all(|at| first(at - 1) < first(at)));
}

/// It cannot be split, so the status is final.
#[tokio::test]
async fn an_event_that_is_too_large_alone_is_rejected_alone() {
    let mut stage = Stage::start().await;
    stage.fail(Fault::always(
        Matcher::DecodedBytesOver(3_000),
        Action::status(413, "Request Entity Too Large"),
    ));
    let mut bodies = one_event_each(20);
    bodies.insert(11, event(&"x".repeat(4_000), NOW_MS, 1));
    assert_eq!(stage.bodies(&bodies).await, [11]);
    assert_eq!(stage.amp.sample_count(), 20);
}

#[tokio::test]
async fn requests_to_a_receiver_that_answers_413_are_bounded() {
    let mut stage = Stage::start().await;
    stage.fail(Fault::always(Matcher::Any, Action::status(413, "")));
    assert_eq!(stage.bodies(&one_event_each(500)).await.len(), 500);
    assert!(stage.amp.requests().len() < 2 * 500);
}

/// The receiver has elected replica a of an HA pair, and answers 202 to a request that begins with replica b.
#[tokio::test]
async fn a_replica_that_is_not_elected_is_done_and_counted() {
    let timeout = Some(std::time::Duration::from_secs(30));
    let mut stage = Setup::new().amp(|amp| amp.ha_failover_timeout = timeout).start().await;
    let of = |replica: &str| {
        let labels = json!({"cluster": "c", "__replica__": replica, "device": "d"});
        json!({"dimensions": labels, "timestamp": NOW_MS, "metrics": {"ph": 1}}).to_string()
    };
    assert_eq!(stage.bodies(&[of("a")]).await, [0; 0]);
    let mut bodies = vec![of("b")];
    bodies.extend(one_event_each(100));
    let messages = messages(&bodies);
    let invocation = stage.invoke(sqs_event(QUEUE, &messages)).await;
    assert_eq!(given_back(&invocation, &messages), [0; 0]);
    let logged = invocation.logs.iter().any(|line| line.contains(r#""deduplicated":1,"#));
    assert!(logged, "{:?}", invocation.logs);
    assert_eq!(stage.amp.sample_count(), 101);
}
