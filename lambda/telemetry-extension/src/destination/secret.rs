//! Reads the credentials of a Pushgateway from Secrets Manager when they are first needed, and again when they are rejected.

use aws::{Client, Login, NoLogin, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use super::{Dispatch, Undelivered, send};

/// The reason why there are no credentials. It never shows the content of a secret.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoSecret {
    /// Secrets Manager did not return it.
    #[error("failed to read the secret in AUTH_SECRET: {0}")]
    Unread(Box<Undelivered>),
    /// It has another content.
    #[error("the secret in AUTH_SECRET: {0}")]
    NoLogin(#[from] NoLogin),
}

/// Reads one secret.
#[derive(Debug)]
pub struct SecretReader {
    secret: Secret,
    authorization: Option<HeaderValue>,
}

impl SecretReader {
    /// A reader that has not read the secret yet.
    pub fn new(secret: Secret) -> Self {
        Self { secret, authorization: None }
    }

    pub(super) fn is_known(&self) -> bool {
        self.authorization.is_some()
    }

    pub(super) fn forget(&mut self) {
        self.authorization = None;
    }

    /// The header `Authorization` (RFC 7617).
    pub(super) async fn authorization(
        &mut self,
        client: &Client,
        dispatch: &Dispatch,
    ) -> Result<HeaderValue, NoSecret> {
        if let Some(known) = &self.authorization {
            return Ok(known.clone());
        }
        let Login { username, password } = self.read(client, dispatch).await?;
        let pair = STANDARD.encode(format!("{username}:{password}"));
        let mut value = HeaderValue::from_str(&format!("Basic {pair}")).expect("base64 is header text");
        value.set_sensitive(true);
        Ok(self.authorization.insert(value).clone())
    }

    async fn read(&self, client: &Client, dispatch: &Dispatch) -> Result<Login, NoSecret> {
        let answer = send(client, &self.secret.get_value(), dispatch).await;
        let answer = answer.map_err(|error| NoSecret::Unread(Box::new(error)))?;
        Ok(Login::of(&answer)?)
    }
}
