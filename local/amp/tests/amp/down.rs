//! A receiver that goes down and comes back.

use std::time::Duration;

use crate::sender::{NOW_MS, body_of, check, ph, request, stand_in, stored_ph, try_send};
use local_amp::{Action, Fault, Matcher};

#[tokio::test]
async fn while_it_is_down_connections_are_refused() {
    let amp = stand_in(|_| ()).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
    amp.go_down();
    for _ in 0..3 {
        let error =
            try_send(request(&amp, body_of(&[ph("a", NOW_MS + 1, 1.0)]))).await.expect_err("no answer");
        assert!(error.is_connect(), "{error:?}");
        assert!(format!("{error:?}").contains("ConnectionRefused"), "{error:?}");
    }
    assert_eq!(amp.requests().len(), 1);
}

#[tokio::test]
async fn it_comes_back_at_the_same_address_with_its_samples() {
    let amp = stand_in(|_| ()).await;
    let url = amp.remote_write_url();
    for n in 0..3 {
        check(&amp, &[ph("a", NOW_MS + n, 1.0)], 200, "").await;
        amp.go_down();
        amp.go_down();
        amp.come_back().await.expect("its own port");
        amp.come_back().await.expect("it is there already");
    }
    check(&amp, &[ph("a", NOW_MS + 3, 1.0)], 200, "").await;
    assert_eq!(amp.remote_write_url(), url);
    assert_eq!(stored_ph(&amp, "a").len(), 4);
    assert_eq!((amp.requests().len(), amp.connections()), (4, 4));
    assert_eq!(amp.requests()[3].connection, 3, "connections are numbered on");
}

#[tokio::test]
async fn going_down_cuts_open_connections() {
    let amp = stand_in(|_| ()).await;
    amp.set_faults(vec![Fault::always(Matcher::Any, Action::Hang)]);
    let waiting = tokio::spawn(try_send(request(&amp, body_of(&[ph("a", NOW_MS, 1.0)]))));
    while amp.requests().is_empty() {
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    amp.go_down();
    let error = waiting.await.expect("no panic").expect_err("no answer");
    assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");
    assert_eq!(amp.requests()[0].status, None);
}

#[tokio::test]
async fn a_kept_connection_is_not_served_while_it_is_down() {
    let amp = stand_in(|_| ()).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let write = || reqwest::Request::try_from(request(&amp, body_of(&[]))).expect("a request for reqwest");
    client.execute(write()).await.expect("an answer").bytes().await.expect("its body");
    amp.go_down();
    assert!(client.execute(write()).await.is_err());
    assert_eq!(amp.requests().len(), 1);
    amp.come_back().await.expect("its own port");
    assert_eq!(client.execute(write()).await.expect("an answer").status(), 200);
}
