//! The key pairs whose signatures the workspace accepts; they change while it runs, as keys rotate and sessions
//! expire.

use std::time::UNIX_EPOCH;

use aws_credential_types::Credentials;

use super::answer::Refusal;

/// The key pairs that are valid now, of which there are two while keys rotate.
#[derive(Debug, Clone, Default)]
pub(super) struct AcceptedCredentials(Vec<Credentials>);

impl AcceptedCredentials {
    pub(super) fn new(pairs: Vec<Credentials>) -> Self {
        Self(pairs)
    }

    /// The pair that a request claims to be signed with. "If you're using temporary security credentials, you must
    /// include `X-Amz-Security-Token` in your request" (IAM User Guide), and long-term ones have none.
    pub(super) fn of_request(
        &self,
        access_key: &str,
        session_token: Option<&[u8]>,
        now_ms: i64,
    ) -> Result<&Credentials, Refusal> {
        let pair = self.0.iter().find(|pair| {
            pair.access_key_id() == access_key && pair.session_token().map(str::as_bytes) == session_token
        });
        let pair =
            pair.ok_or_else(|| Refusal::forbidden("The security token included in the request is invalid."))?;
        if has_expired(pair, now_ms) {
            return Err(Refusal::forbidden("The security token included in the request is expired"));
        }
        Ok(pair)
    }
}

/// AWS STS, `Credentials`: `Expiration` is "the date on which the current credentials expire".
fn has_expired(pair: &Credentials, now_ms: i64) -> bool {
    let Some(expiry) = pair.expiry() else { return false };
    let expiry_ms = expiry.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    u128::try_from(now_ms).is_ok_and(|now_ms| now_ms >= expiry_ms)
}
