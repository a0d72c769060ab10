//! Signature Version 4, signed by the AWS SDK's signer and verified by the published algorithm.
//!
//! Source: AWS IAM User Guide, "AWS Signature Version 4 for API requests".

use crate::sender::{
    Answer, MINUTE_MS, NOW_MS, Signing, body_of, credentials, ph, request, send, signed, stand_in,
};
use local_amp::{AmpStandIn, Credentials};

async fn signing_stand_in() -> AmpStandIn {
    stand_in(|options| options.credentials = Some(credentials())).await
}

/// Signs, changes and sends a request; a refusal stores nothing and is AMP's JSON.
async fn answer_to(signing: Signing, change: impl FnOnce(&mut http::Request<Vec<u8>>)) -> Answer {
    let amp = signing_stand_in().await;
    let mut request = signed(request(&amp, body_of(&[ph("a", NOW_MS, 7.0)])), signing);
    change(&mut request);
    let answer = send(request).await;
    assert_eq!(amp.sample_count(), usize::from(answer.0 == 200), "{answer:?}");
    if answer.0 == 200 {
        return answer;
    }
    let json: serde_json::Value = serde_json::from_str(&answer.1).expect("AMP's JSON");
    (answer.0, json["message"].as_str().expect("a message").to_owned())
}

async fn refuses(signing: Signing, text: &str) {
    let answer = answer_to(signing, |_| ()).await;
    assert_eq!(answer.0, 403);
    assert!(answer.1.contains(text), "{answer:?}");
}

fn signed_with(access_key: &str, secret: &str, token: Option<&str>) -> Signing {
    let credentials = Credentials::new(access_key, secret, token.map(str::to_owned), None, "test");
    Signing { credentials, ..Signing::default() }
}

#[tokio::test]
async fn a_right_signature_is_accepted() {
    assert_eq!(answer_to(Signing::default(), |_| ()).await.0, 200);
}

#[tokio::test]
async fn long_term_credentials_need_no_token() {
    let signing = signed_with("AKID", "secret", None);
    let amp = stand_in(|options| options.credentials = Some(signing.credentials.clone())).await;
    assert_eq!(send(signed(request(&amp, body_of(&[ph("a", NOW_MS, 7.0)])), signing)).await.0, 200);
}

/// AMP's message for a request without a signature.
#[tokio::test]
async fn an_unsigned_request_is_forbidden() {
    let amp = signing_stand_in().await;
    let answer = send(request(&amp, body_of(&[ph("a", NOW_MS, 7.0)]))).await;
    assert_eq!(answer, (403, "{\"message\":\"Missing Authentication Token\"}".to_owned()));
}

#[tokio::test]
async fn another_kind_of_authorization_is_forbidden() {
    let answer = answer_to(Signing::default(), |request| {
        request.headers_mut().insert("authorization", "Basic dXNlcg==".parse().expect("a value"));
    });
    assert_eq!(answer.await.0, 403);
}

#[tokio::test]
async fn another_secret_is_answered_with_the_canonical_request() {
    let answer = answer_to(signed_with("AKIDEXAMPLE", "guess", Some("token==")), |_| ()).await;
    assert_eq!(answer.0, 403);
    assert!(answer.1.starts_with("The request signature we calculated does not match"), "{answer:?}");
    assert!(answer.1.contains("POST\n/workspaces/ws-local/api/v1/remote_write\n\ncontent-encoding:snappy\n"));
}

#[tokio::test]
async fn another_access_key_or_session_token_is_forbidden() {
    for (key, token) in
        [("AKIDOTHER", Some("token==")), ("AKIDEXAMPLE", None), ("AKIDEXAMPLE", Some("other"))]
    {
        refuses(signed_with(key, "secret/with+signs", token), "security token").await;
    }
}

#[tokio::test]
async fn another_region_is_forbidden() {
    refuses(Signing { region: "us-east-1", ..Signing::default() }, "valid region").await;
}

#[tokio::test]
async fn another_service_is_forbidden() {
    refuses(Signing { service: "execute-api", ..Signing::default() }, "correct service: 'aps'").await;
}

#[tokio::test]
async fn a_signature_is_valid_for_five_minutes_before_and_after() {
    let at = |time_ms| Signing { time_ms, ..Signing::default() };
    assert_eq!(answer_to(at(NOW_MS - 5 * MINUTE_MS), |_| ()).await.0, 200);
    assert_eq!(answer_to(at(NOW_MS + 5 * MINUTE_MS), |_| ()).await.0, 200);
    refuses(at(NOW_MS - 5 * MINUTE_MS - 1_000), "Signature expired").await;
    refuses(at(NOW_MS + 5 * MINUTE_MS + 1_000), "Signature not yet current").await;
}

#[tokio::test]
async fn a_changed_body_is_forbidden() {
    let answer = answer_to(Signing::default(), |request| {
        *request.body_mut() = body_of(&[ph("a", NOW_MS, 8.0)]);
    });
    assert_eq!(answer.await.0, 403);
}

#[tokio::test]
async fn a_stated_hash_that_is_not_the_bodys_is_forbidden() {
    let amp = signing_stand_in().await;
    let mut unsigned = request(&amp, body_of(&[ph("a", NOW_MS, 7.0)]));
    unsigned.headers_mut().insert("x-amz-content-sha256", "UNSIGNED-PAYLOAD".parse().expect("a value"));
    let answer = send(signed(unsigned, Signing::default())).await;
    assert_eq!(answer.0, 403);
    assert!(answer.1.contains("x-amz-content-sha256"), "{answer:?}");
}

/// As by a proxy that changes a signed header.
#[tokio::test]
async fn a_signed_header_that_changed_is_forbidden() {
    let answer = answer_to(Signing::default(), |request| {
        request.headers_mut().insert("x-prometheus-remote-write-version", "0.1.1".parse().expect("a value"));
    });
    assert_eq!(answer.await.0, 403);
}

#[tokio::test]
async fn an_amz_header_that_is_not_signed_is_forbidden() {
    let answer = answer_to(Signing::default(), |request| {
        request.headers_mut().insert("x-amz-later", "1".parse().expect("a value"));
    });
    let answer = answer.await;
    assert_eq!(answer.0, 403);
    assert!(answer.1.contains("'x-amz-later' must be a 'SignedHeader'"), "{answer:?}");
}
