//! Secret: the ARN of a secret → user name and password, read when they are first needed and kept until refused.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>

use std::fmt;

use aws::{Client, Request};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method};
use serde::Deserialize;

use super::{Dispatch, Undelivered, send};
use crate::config::Secret;

/// A secret holds up to 65,536 bytes, which are escaped in the answer.
const MAX_ANSWER: usize = 256 * 1_024;

/// What the secret holds.
#[derive(Clone, Deserialize)]
pub struct Credentials {
    /// `username`
    pub username: String,
    /// `password`
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

/// Why there are no credentials. It never shows what a secret holds.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoSecret {
    /// Secrets Manager did not give it.
    #[error("the secret of AUTH_SECRET could not be read: {0}")]
    Unread(Box<Undelivered>),
    /// It holds something else.
    #[error("the secret of AUTH_SECRET is no JSON object with the texts `username` and `password`")]
    NoPair,
}

/// Reads one secret.
#[derive(Debug)]
pub struct SecretReader {
    secret: Secret,
    known: Option<Credentials>,
}

#[derive(Deserialize)]
struct SecretValue {
    #[serde(rename = "SecretString")]
    string: Option<String>,
}

impl SecretReader {
    /// Reads nothing yet.
    pub fn new(secret: Secret) -> Self {
        Self { secret, known: None }
    }

    pub(super) fn is_known(&self) -> bool {
        self.known.is_some()
    }

    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    pub(super) async fn credentials(
        &mut self,
        client: &Client,
        dispatch: &Dispatch,
    ) -> Result<&Credentials, NoSecret> {
        let known = match self.known.take() {
            Some(known) => known,
            None => self.read(client, dispatch).await?,
        };
        Ok(self.known.insert(known))
    }

    async fn read(&self, client: &Client, dispatch: &Dispatch) -> Result<Credentials, NoSecret> {
        let body = serde_json::json!({ "SecretId": self.secret.arn }).to_string();
        let request = Request {
            method: Method::POST,
            uri: self.secret.service.endpoint.uri().clone(),
            headers: vec![
                (CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1")),
                (
                    HeaderName::from_static("x-amz-target"),
                    HeaderValue::from_static("secretsmanager.GetSecretValue"),
                ),
            ],
            body: Bytes::from(body),
            scope: Some(self.secret.service.scope.clone()),
            wanted_body: MAX_ANSWER,
        };
        let answer =
            send(client, &request, dispatch).await.map_err(|error| NoSecret::Unread(Box::new(error)))?;
        let value: SecretValue = serde_json::from_slice(&answer.body).map_err(|_| NoSecret::NoPair)?;
        serde_json::from_str(&value.string.ok_or(NoSecret::NoPair)?).map_err(|_| NoSecret::NoPair)
    }
}
