//! Credentials that expire and rotate while the workspace runs.

use std::time::{Duration, UNIX_EPOCH};

use crate::sender::{Answer, NOW_MS, Signing, body_of, credentials, ph, request, send, signed, stand_in};
use local_amp::{AmpStandIn, Credentials};

fn session(access_key: &str, expires_ms: Option<i64>) -> Credentials {
    let expiry =
        expires_ms.map(|ms| UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).expect("after 1970")));
    Credentials::new(access_key, "secret", Some(format!("token of {access_key}")), expiry, "test")
}

async fn write_as(amp: &AmpStandIn, credentials: &Credentials) -> Answer {
    let unsigned = request(amp, body_of(&[ph("a", NOW_MS, 7.0)]));
    send(signed(unsigned, Signing { credentials: credentials.clone(), ..Signing::default() })).await
}

fn forbidden(message: &str) -> Answer {
    (403, format!("{{\"message\":\"{message}\"}}"))
}

/// AWS STS: a session is valid until its `Expiration`; AWS's message for an expired one.
#[tokio::test]
async fn a_session_is_forbidden_from_its_expiry_on() {
    let amp = stand_in(|_| ()).await;
    let (over, valid) = (session("AKIDOVER", Some(NOW_MS)), session("AKIDVALID", Some(NOW_MS + 1)));
    amp.accept_credentials(vec![over.clone(), valid.clone()]);
    let expired = forbidden("The security token included in the request is expired");
    assert_eq!(write_as(&amp, &over).await, expired);
    assert_eq!(amp.sample_count(), 0);
    assert_eq!(write_as(&amp, &valid).await.0, 200);
    let amp = stand_in(|options| options.credentials = Some(over.clone())).await;
    assert_eq!(write_as(&amp, &over).await, expired);
}

/// IAM User Guide, "Update access keys": two keys are active until the old one is deleted.
#[tokio::test]
async fn two_pairs_are_valid_while_keys_rotate() {
    let amp = stand_in(|options| options.credentials = Some(credentials())).await;
    let (old, new) = (credentials(), session("AKIDNEW", None));
    let unknown = forbidden("The security token included in the request is invalid.");
    assert_eq!(write_as(&amp, &new).await, unknown);
    amp.accept_credentials(vec![old.clone(), new.clone()]);
    assert_eq!(write_as(&amp, &old).await.0, 200);
    assert_eq!(write_as(&amp, &new).await.0, 200);
    amp.accept_credentials(vec![new.clone()]);
    assert_eq!(write_as(&amp, &old).await, unknown);
    assert_eq!(write_as(&amp, &new).await.0, 200);
    amp.accept_credentials(Vec::new());
    assert_eq!(write_as(&amp, &new).await, unknown);
}

#[tokio::test]
async fn key_and_token_belong_together() {
    let amp = stand_in(|_| ()).await;
    let (one, two) = (session("AKIDONE", None), session("AKIDTWO", None));
    amp.accept_credentials(vec![one.clone(), two.clone()]);
    let mixed = Credentials::new("AKIDONE", "secret", two.session_token().map(str::to_owned), None, "test");
    assert_eq!(
        write_as(&amp, &mixed).await,
        forbidden("The security token included in the request is invalid.")
    );
}

#[tokio::test]
async fn a_workspace_can_start_to_require_signatures() {
    let amp = stand_in(|_| ()).await;
    let unsigned = || request(&amp, body_of(&[ph("a", NOW_MS, 7.0)]));
    assert_eq!(send(unsigned()).await.0, 200);
    amp.accept_credentials(vec![credentials()]);
    assert_eq!(send(unsigned()).await, forbidden("Missing Authentication Token"));
    amp.reset();
    assert_eq!(send(unsigned()).await.0, 403, "a reset keeps the credentials");
}
