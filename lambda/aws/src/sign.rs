//! Signs requests with AWS Signature Version 4.
//!
//! `aws-sigv4` does the work, with its default settings, which are right for AMP and SQS:
//! the path normalised and encoded twice, the session token signed, every header signed that the request has at this
//! point except `user-agent`. A header set later is not covered, a header changed later breaks the signature.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SigningError, SigningSettings, sign as aws_sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::HeaderValue;
use http::header::InvalidHeaderValue;

/// The region and service that a signature is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The region, as in `eu-west-1`.
    pub region: String,
    /// The service's signing name: `aps` for AMP, `sqs` for SQS.
    pub service: &'static str,
}

/// The reason why a request could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The request has no canonical form.
    #[error("failed to sign the request")]
    Canonical(#[from] SigningError),
    /// BUG: a signing parameter is missing.
    #[error("failed to put together the signing parameters")]
    Params(#[from] v4::signing_params::BuildError),
    /// The session token or the access key is not header text.
    #[error("credentials hold characters that no HTTP header can carry")]
    Header(#[from] InvalidHeaderValue),
}

/// Adds `x-amz-date`, `x-amz-security-token` (with temporary credentials) and `authorization` to `request`.
///
/// # Errors
/// [`SignError`], which never shows a credential.
pub fn sign(
    request: &mut http::Request<Bytes>,
    scope: &Scope,
    credentials: &Credentials,
    time: SystemTime,
) -> Result<(), SignError> {
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&scope.region)
        .name(scope.service)
        .time(time)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let uri = request.uri().to_string();
    let signable = SignableRequest::new(
        request.method().as_str(),
        &uri,
        // A header that is not text is left out here and would break the signature; we send none.
        request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))),
        SignableBody::Bytes(request.body()),
    )?;
    let (instructions, _signature) = aws_sign(signable, &params)?.into_parts();
    let (headers, _query) = instructions.into_parts();
    for header in headers {
        let mut value = HeaderValue::from_str(header.value())?;
        value.set_sensitive(header.sensitive());
        request.headers_mut().insert(header.name(), value);
    }
    Ok(())
}
