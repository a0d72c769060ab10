//! Faults on demand, and the journal of requests.

use std::sync::Arc;
use std::time::Duration;

use crate::sender::{
    NOW_MS, body_of, check, label_set, ph, request, send, series, stand_in, stored_ph, try_send, write,
};
use local_amp::{Action, Fault, Ingestion, Matcher, Overlap, SeriesMatcher};

const PATIENCE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_fault_applies_to_a_number_of_requests() {
    let amp = stand_in(|_| ()).await;
    amp.set_faults(vec![
        Fault::times(2, Matcher::Any, Action::status(503, "busy")),
        Fault::times(1, Matcher::Any, Action::retry_after(429, "7")),
    ]);
    let sample = [ph("a", NOW_MS, 1.0)];
    check(&amp, &sample, 503, "busy").await;
    check(&amp, &sample, 503, "busy").await;
    check(&amp, &sample, 429, "").await;
    assert_eq!(amp.sample_count(), 0);
    check(&amp, &sample, 200, "").await;
    let statuses: Vec<_> = amp.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(503), Some(503), Some(429), Some(200)]);
}

#[tokio::test]
async fn a_fault_concerns_only_the_requests_it_matches() {
    let amp = stand_in(|_| ()).await;
    amp.set_faults(vec![
        Fault::always(Matcher::series("device", "bad"), Action::status(500, "series")),
        Fault::always(Matcher::SamplesOver(2), Action::status(413, "samples")),
        Fault::always(Matcher::DecodedBytesOver(500), Action::status(413, "bytes")),
        Fault::always(
            Matcher::Request(Arc::new(|r| r.timeseries.is_empty())),
            Action::status(502, "closure"),
        ),
    ]);
    check(&amp, &[ph("a", NOW_MS, 1.0), ph("bad", NOW_MS, 1.0)], 500, "series").await;
    check(&amp, &[ph("a", NOW_MS, 1.0), ph("b", NOW_MS, 1.0), ph("c", NOW_MS, 1.0)], 413, "samples").await;
    check(&amp, &[ph(&"x".repeat(500), NOW_MS, 1.0)], 413, "bytes").await;
    check(&amp, &[], 502, "closure").await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
}

#[tokio::test]
async fn a_violation_is_recorded_even_under_a_fault() {
    let amp = stand_in(|_| ()).await;
    amp.set_faults(vec![Fault::always(Matcher::Any, Action::status(503, ""))]);
    assert_eq!(send(request(&amp, b"no snappy".to_vec())).await.0, 503);
    check(&amp, &[ph("a", NOW_MS, 1.0)], 503, "").await;
    let requests = amp.requests();
    assert!(requests[0].violation.is_some() && requests[1].violation.is_none(), "{requests:?}");
}

#[tokio::test]
async fn a_hanging_request_does_not_block_others() {
    let amp = stand_in(|_| ()).await;
    amp.set_faults(vec![Fault::always(Matcher::series("device", "bad"), Action::Hang)]);
    let bad = [ph("bad", NOW_MS, 1.0)];
    assert!(tokio::time::timeout(PATIENCE, write(&amp, &bad)).await.is_err());
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
}

#[tokio::test]
async fn a_trickling_answer_has_a_head_but_no_end() {
    let amp = stand_in(|_| ()).await;
    let trickle = Action::SlowTrickle { code: 503, interval: Duration::from_millis(10) };
    amp.set_faults(vec![Fault::always(Matcher::Any, trickle)]);
    let mut response = reqwest::Client::new()
        .execute(request(&amp, body_of(&[])).try_into().expect("a request for reqwest"))
        .await
        .expect("a head");
    assert_eq!(response.status(), 503);
    for _ in 0..5 {
        assert_eq!(response.chunk().await.expect("a part of the body").as_deref(), Some(&b"."[..]));
    }
    assert_eq!(amp.requests()[0].ended, None);
}

#[tokio::test]
async fn a_reset_is_a_reset_for_the_sender() {
    let amp = stand_in(|_| ()).await;
    amp.set_faults(vec![Fault::times(1, Matcher::Any, Action::Reset)]);
    let error = try_send(request(&amp, body_of(&[ph("a", NOW_MS, 1.0)]))).await.expect_err("no answer");
    assert!(format!("{error:?}").contains("ConnectionReset"), "{error:?}");
    assert_eq!(amp.requests()[0].status, None);
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
}

#[tokio::test]
async fn a_request_can_be_stored_and_its_answer_lost() {
    let amp = stand_in(|_| ()).await;
    amp.set_faults(vec![Fault::times(1, Matcher::Any, Action::AcceptThenDrop)]);
    let error = try_send(request(&amp, body_of(&[ph("a", NOW_MS, 1.0)]))).await.expect_err("no answer");
    assert!(!format!("{error:?}").contains("ConnectionReset"), "{error:?}");
    assert_eq!(stored_ph(&amp, "a"), [(NOW_MS, 1.0)]);
}

#[tokio::test]
async fn amp_keeps_the_series_that_a_fault_does_not_refuse() {
    let amp = stand_in(|_| ()).await;
    let (series, text) = (SeriesMatcher::new("device", "bad"), "series limit".to_owned());
    amp.set_faults(vec![Fault::always(Matcher::Any, Action::RefuseSeries { series, code: 400, text })]);
    check(&amp, &[ph("a", NOW_MS, 1.0), ph("bad", NOW_MS, 1.0)], 400, "series limit").await;
    assert_eq!(amp.sample_count(), 1);
    check(&amp, &[ph("b", NOW_MS, 1.0)], 200, "").await;
}

#[tokio::test]
async fn prometheus_rolls_back_a_request_with_a_refused_series() {
    let amp = stand_in(|options| options.ingestion = Ingestion::RollBack).await;
    let (series, text) = (SeriesMatcher::new("device", "bad"), "no".to_owned());
    amp.set_faults(vec![Fault::always(Matcher::Any, Action::RefuseSeries { series, code: 422, text })]);
    check(&amp, &[ph("a", NOW_MS, 1.0), ph("bad", NOW_MS, 1.0)], 422, "no").await;
    assert_eq!(amp.sample_count(), 0);
}

#[tokio::test]
async fn requests_overlap_only_where_they_share_a_series() {
    let amp = stand_in(|_| ()).await;
    amp.set_faults(vec![Fault::always(Matcher::Any, Action::Delay(Duration::from_millis(100)))]);
    let shared = [ph("a", NOW_MS, 1.0), ph("b", NOW_MS, 1.0)];
    let (one, two) = tokio::join!(write(&amp, &shared), write(&amp, &shared[..1]));
    assert_eq!((one.0, two.0), (200, 200));
    let series = label_set(&[("__name__", "ph"), ("device", "a")]);
    assert_eq!(amp.overlaps(), [Overlap { first: 0, second: 1, series }]);

    amp.reset();
    let (one, two) = tokio::join!(write(&amp, &shared[..1]), write(&amp, &shared[1..]));
    assert_eq!((one.0, two.0), (200, 200));
    assert_eq!(amp.overlaps(), []);
}

#[tokio::test]
async fn requests_one_after_the_other_do_not_overlap() {
    let amp = stand_in(|_| ()).await;
    for n in 0..20 {
        check(&amp, &[ph("a", NOW_MS + n, 1.0)], 200, "").await;
    }
    assert_eq!(amp.overlaps(), []);
    let requests = amp.requests();
    assert!(requests.windows(2).all(|pair| pair[0].ended.expect("answered") < pair[1].began));
}

#[tokio::test]
async fn the_journal_records_requests() {
    let amp = stand_in(|_| ()).await;
    let body = body_of(&[series(&[("__name__", "ph")], &[(NOW_MS, 1.0), (NOW_MS + 1, 2.0)])]);
    let bytes = body.len();
    send(request(&amp, body)).await;
    let requests = amp.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].body_bytes, bytes);
    assert_eq!(requests[0].decoded_bytes, Some(54));
    assert_eq!(requests[0].sample_count(), 2);
    assert_eq!(requests[0].headers["user-agent"], "test/1");
    assert!(requests[0].is_delivered());
}

#[tokio::test]
async fn connections_are_counted() {
    let amp = stand_in(|_| ()).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    for _ in 0..5 {
        let request = reqwest::Request::try_from(request(&amp, body_of(&[]))).expect("a request for reqwest");
        client.execute(request).await.expect("an answer").bytes().await.expect("its body");
    }
    assert_eq!((amp.requests().len(), amp.connections()), (5, 1));
}

#[tokio::test]
async fn a_dropped_stand_in_refuses_connections() {
    let amp = stand_in(|_| ()).await;
    let late = request(&amp, body_of(&[]));
    drop(amp);
    assert!(try_send(late).await.expect_err("no answer").is_connect());
}
