//! A username and a password in Secrets Manager.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>

use std::fmt;

use serde::Deserialize;

use crate::client::Request;
use crate::endpoint::Endpoint;
use crate::response::Response;
use crate::sign::Scope;

/// A secret has up to 65,536 bytes, which are escaped in the response.
const MAX_ANSWER: usize = 256 * 1_024;

/// The API of an AWS service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its URL.
    pub endpoint: Endpoint,
    /// The scope of signatures.
    pub scope: Scope,
}

/// A secret of Secrets Manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its ARN.
    pub arn: String,
    /// The API of Secrets Manager.
    pub service: Service,
}

/// The content of a secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Login {
    /// The username.
    pub username: String,
    /// The password.
    pub password: String,
}

/// A secret with another content, which is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a JSON object with the strings `username` and `password`")]
pub struct NoLogin;

/// The response of `GetSecretValue`.
#[derive(Deserialize)]
struct SecretValue {
    #[serde(rename = "SecretString")]
    string: Option<String>,
}

impl Secret {
    /// The call that reads it.
    pub fn get_value(&self) -> Request {
        let body = serde_json::json!({ "SecretId": self.arn }).to_string().into_bytes();
        let Service { endpoint, scope } = &self.service;
        let (content_type, target) = ("application/x-amz-json-1.1", "secretsmanager.GetSecretValue");
        let request = Request::aws_json(endpoint.uri().clone(), scope.clone(), content_type, target, body);
        Request { wanted_body: MAX_ANSWER, ..request }
    }
}

impl Login {
    /// Reads the response to [`Secret::get_value`], which is a success.
    ///
    /// # Errors
    /// [`NoLogin`]
    pub fn of(response: &Response) -> Result<Self, NoLogin> {
        let value: SecretValue = serde_json::from_slice(&response.body).map_err(|_| NoLogin)?;
        serde_json::from_str(&value.string.ok_or(NoLogin)?).map_err(|_| NoLogin)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}
