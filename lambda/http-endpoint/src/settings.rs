//! The settings of an HTTP endpoint.

use aws::{InvalidSetting, Secret, Settings};

/// The HTTP requests that are served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HttpAuth {
    /// Those whose caller AWS has authenticated.
    #[default]
    Iam,
    /// These, and those with the username and the password in a secret.
    Secret(Secret),
    /// All.
    None,
}

/// `HTTP_AUTH`, `HTTP_AUTH_SECRET` and `AWS_ENDPOINT_URL_SECRETS_MANAGER`: who may send HTTP requests.
///
/// # Errors
/// The first variable that is missing or invalid.
pub fn http_auth(settings: &Settings<'_>) -> Result<HttpAuth, InvalidSetting> {
    const SECRET: &str = "HTTP_AUTH_SECRET";
    let auths = [("iam", Some(HttpAuth::Iam)), ("secret", None), ("none", Some(HttpAuth::None))];
    let auth = settings.choice("HTTP_AUTH", "iam, secret or none", &auths)?;
    if let Some(auth) = auth.unwrap_or_else(|| Some(HttpAuth::default())) {
        return Ok(auth);
    }
    let expected = "the ARN of a secret, which HTTP_AUTH=secret needs";
    let secret = settings.secret(SECRET)?.ok_or(InvalidSetting::Missing { variable: SECRET, expected })?;
    Ok(HttpAuth::Secret(secret))
}

/// `HTTP_BASE_PATH`: a path before those of the routes, without a slash at its end. A slash alone counts as none.
///
/// # Errors
/// [`InvalidSetting::Value`]
pub fn base_path(settings: &Settings<'_>) -> Result<Option<String>, InvalidSetting> {
    const VARIABLE: &str = "HTTP_BASE_PATH";
    let Some(path) = settings.text(VARIABLE) else { return Ok(None) };
    let is_path = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_path || path.contains(['?', '#']) {
        return Err(InvalidSetting::Value { variable: VARIABLE, expected: "a path, for example /push" });
    }
    let path = path.trim_end_matches('/');
    Ok((!path.is_empty()).then(|| path.to_owned()))
}
