//! Reads the credentials of a Pushgateway from Secrets Manager when they are first needed, and again when they are rejected.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>

use aws::{Client, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use serde::Deserialize;

use super::{Dispatch, Undelivered, send};
use crate::config::{Secret, Service};

/// A secret has up to 65,536 bytes, which are escaped in the response.
const MAX_ANSWER: usize = 256 * 1_024;

/// The reason why there are no credentials. It never shows the content of a secret.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoSecret {
    /// Secrets Manager did not return it.
    #[error("failed to read the secret in AUTH_SECRET: {0}")]
    Unread(Box<Undelivered>),
    /// It has another content.
    #[error("the secret in AUTH_SECRET: expected a JSON object with the strings `username` and `password`")]
    NoPair,
}

/// Reads one secret.
#[derive(Debug)]
pub struct SecretReader {
    secret: Secret,
    authorization: Option<HeaderValue>,
}

/// The response of `GetSecretValue`.
#[derive(Deserialize)]
struct SecretValue {
    #[serde(rename = "SecretString")]
    string: Option<String>,
}

/// The content of the secret.
#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
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
        let Credentials { username, password } = self.read(client, dispatch).await?;
        let pair = STANDARD.encode(format!("{username}:{password}"));
        let mut value = HeaderValue::from_str(&format!("Basic {pair}")).expect("base64 is header text");
        value.set_sensitive(true);
        Ok(self.authorization.insert(value).clone())
    }

    async fn read(&self, client: &Client, dispatch: &Dispatch) -> Result<Credentials, NoSecret> {
        let body = serde_json::json!({ "SecretId": self.secret.arn }).to_string();
        let Service { endpoint, scope } = &self.secret.service;
        let (content_type, target) = ("application/x-amz-json-1.1", "secretsmanager.GetSecretValue");
        let (uri, body) = (endpoint.uri().clone(), body.into_bytes());
        let request = Request::aws_json(uri, scope.clone(), content_type, target, body);
        let request = Request { wanted_body: MAX_ANSWER, ..request };
        let answer =
            send(client, &request, dispatch).await.map_err(|error| NoSecret::Unread(Box::new(error)))?;
        let value: SecretValue = serde_json::from_slice(&answer.body).map_err(|_| NoSecret::NoPair)?;
        serde_json::from_str(&value.string.ok_or(NoSecret::NoPair)?).map_err(|_| NoSecret::NoPair)
    }
}
