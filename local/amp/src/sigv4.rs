//! Verifies AWS Signature Version 4 by the published algorithm, without any code of a signer.
//!
//! Source: AWS IAM User Guide, "Create a signed AWS API request" and "Troubleshoot Signature Version 4 signing"; error
//! messages as AMP shows them.

use std::borrow::Cow;
use std::fmt::Write as _;

use aws_credential_types::Credentials;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use http::request::Parts;
use jiff::{Timestamp, civil, tz};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest as _, Sha256};

use super::accepted_credentials::AcceptedCredentials;
use super::answer::Refusal;

/// AWS accepts a signature for five minutes before and after the time it states.
const MAX_SKEW_MS: i64 = 5 * 60 * 1_000;

/// The service name of AMP in signatures (AMP User Guide, "Prometheus-compatible APIs").
const SERVICE: &str = "aps";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The ISO 8601 basic format of `X-Amz-Date`: `20230214T180017Z`.
const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// The characters that `UriEncode` of the algorithm encodes as `%XY`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same for a path, which keeps its slashes.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// Checks the signature of a request.
pub(super) fn verify(
    region: &str,
    accepted: &AcceptedCredentials,
    now_ms: i64,
    head: &Parts,
    body: &[u8],
) -> Result<(), Refusal> {
    let authorization = Authorization::of(&head.headers)?;
    let session_token = head.headers.get("x-amz-security-token").map(http::HeaderValue::as_bytes);
    let credentials = accepted.of_request(authorization.access_key, session_token, now_ms)?;
    let date = date_is_near(now_ms, &head.headers)?;
    scope_is_right(region, &authorization, &date)?;
    required_headers_are_signed(&authorization, &head.headers)?;
    body_hash_is_right(&head.headers, body)?;
    signature_is_right(credentials, &authorization, &date, head, body)
}

/// The parts of the `Authorization` header.
#[derive(Debug)]
struct Authorization<'a> {
    access_key: &'a str,
    scope: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// AMP answers "Missing Authentication Token" to a request without one.
    fn of(headers: &'a HeaderMap) -> Result<Self, Refusal> {
        let value = headers
            .get(http::header::AUTHORIZATION)
            .ok_or_else(|| Refusal::forbidden("Missing Authentication Token"))?;
        let value =
            value.to_str().map_err(|_| Refusal::forbidden("Authorization header is not printable ASCII"))?;
        Self::parse(value).ok_or_else(|| {
            Refusal::forbidden(format!(
                "Authorization header requires '{ALGORITHM} Credential=…, SignedHeaders=…, Signature=…'"
            ))
        })
    }

    fn parse(value: &'a str) -> Option<Self> {
        let fields = value.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
        let field = |name: &str| {
            fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let (access_key, scope) = field("Credential")?.split_once('/')?;
        Some(Self {
            access_key,
            scope,
            signed_headers: field("SignedHeaders")?,
            signature: field("Signature")?,
        })
    }
}

fn date_is_near(now_ms: i64, headers: &HeaderMap) -> Result<String, Refusal> {
    let date = headers.get("x-amz-date").and_then(|value| value.to_str().ok());
    let date = date.ok_or_else(|| {
        Refusal::forbidden("Authorization header requires existence of an 'X-Amz-Date' header")
    })?;
    let signed_ms = parse_date(date).ok_or_else(|| {
        Refusal::forbidden(format!("Date must be in ISO-8601 'basic format'. Got '{date}'."))
    })?;
    let now = format_date(now_ms);
    if signed_ms < now_ms - MAX_SKEW_MS {
        let limit = format_date(now_ms - MAX_SKEW_MS);
        return Err(Refusal::forbidden(format!(
            "Signature expired: {date} is now earlier than {limit} ({now} - 5 min.)"
        )));
    }
    if signed_ms > now_ms + MAX_SKEW_MS {
        let limit = format_date(now_ms + MAX_SKEW_MS);
        return Err(Refusal::forbidden(format!(
            "Signature not yet current: {date} is still later than {limit} ({now} + 5 min.)"
        )));
    }
    Ok(date.to_owned())
}

/// Milliseconds since the epoch. `strptime` also reads dates with blanks or missing zeros, which AWS does not.
fn parse_date(text: &str) -> Option<i64> {
    let date = civil::DateTime::strptime(DATE_FORMAT, text).ok()?;
    let ms = tz::TimeZone::UTC.to_timestamp(date).ok()?.as_millisecond();
    (format_date(ms) == text).then_some(ms)
}

fn format_date(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or_default().strftime(DATE_FORMAT).to_string()
}

/// The credential scope is `<date>/<region>/<service>/aws4_request`.
fn scope_is_right(region: &str, authorization: &Authorization<'_>, date: &str) -> Result<(), Refusal> {
    let parts: Vec<&str> = authorization.scope.split('/').collect();
    let [scope_date, scope_region, scope_service, terminator] = parts[..] else {
        return Err(Refusal::forbidden("Credential must have exactly 5 slash-delimited elements"));
    };
    if scope_region != region {
        return Err(Refusal::forbidden(format!(
            "Credential should be scoped to a valid region, not '{scope_region}'."
        )));
    }
    if scope_service != SERVICE {
        return Err(Refusal::forbidden(format!(
            "Credential should be scoped to correct service: '{SERVICE}'."
        )));
    }
    if terminator != "aws4_request" {
        return Err(Refusal::forbidden(
            "Credential should be scoped with a valid terminator: 'aws4_request'.",
        ));
    }
    if scope_date != &date[..8] {
        return Err(Refusal::forbidden(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
             '{scope_date}' != '{}', from '{date}'.",
            &date[..8]
        )));
    }
    Ok(())
}

/// "You must include the host header and any x-amz-* headers"; `content-type` too, if it is in the request.
fn required_headers_are_signed(
    authorization: &Authorization<'_>,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let signed: Vec<&str> = authorization.signed_headers.split(';').collect();
    if !signed.is_sorted() {
        return Err(Refusal::forbidden("SignedHeaders is not sorted"));
    }
    let must_be_signed = |name: &str| name.starts_with("x-amz-") || name == "host" || name == "content-type";
    for name in headers.keys().map(http::HeaderName::as_str).filter(|name| must_be_signed(name)) {
        if !signed.contains(&name) {
            return Err(Refusal::forbidden(format!(
                "'{name}' must be a 'SignedHeader' in the AWS Authorization."
            )));
        }
    }
    Ok(())
}

/// `UNSIGNED-PAYLOAD` and a hash in advance are for S3; for any other service a stated hash must be the body's.
fn body_hash_is_right(headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    match headers.get("x-amz-content-sha256") {
        Some(stated) if stated.as_bytes() != sha256_hex(body).as_bytes() => {
            Err(Refusal::forbidden("The value of 'x-amz-content-sha256' does not match the body."))
        }
        _ => Ok(()),
    }
}

fn signature_is_right(
    credentials: &Credentials,
    authorization: &Authorization<'_>,
    date: &str,
    head: &Parts,
    body: &[u8],
) -> Result<(), Refusal> {
    let canonical = canonical_request(head, authorization.signed_headers, &sha256_hex(body));
    let string_to_sign = string_to_sign(&canonical, date, authorization.scope);
    let signature = sign(credentials.secret_access_key(), authorization.scope, &string_to_sign);
    if signature == authorization.signature {
        return Ok(());
    }
    Err(Refusal::forbidden(format!(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String \
         for this request should have been\n'{canonical}'\n\nThe String-to-Sign should have been\n\
         '{string_to_sign}'\n"
    )))
}

/// Method, path, query, headers, their names, and the hash of the body, one per line.
fn canonical_request(head: &Parts, signed_headers: &str, body_hash: &str) -> String {
    let mut canonical = format!(
        "{}\n{}\n{}\n",
        head.method,
        // AMP's paths arrive encoded and are encoded a second time, as for every service but S3.
        percent_encode(head.uri.path().as_bytes(), RESERVED_IN_PATH),
        canonical_query(head.uri.query().unwrap_or_default())
    );
    for name in signed_headers.split(';') {
        let values: Vec<String> = head.headers.get_all(name).iter().map(canonical_value).collect();
        let _ = writeln!(canonical, "{name}:{}", values.join(","));
    }
    let _ = write!(canonical, "\n{signed_headers}\n{body_hash}");
    canonical
}

/// Values are trimmed and runs of blanks become one.
fn canonical_value(value: &http::HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Names and values, encoded by the rules of the algorithm however the sender encoded them, sorted by name, then by
/// value. A `+` stands for a blank, as in every form; signers send `%20`.
fn canonical_query(query: &str) -> String {
    let encoded = |text: &str| {
        let text = text.replace('+', " ");
        let decoded = Cow::from(percent_decode_str(&text));
        percent_encode(&decoded, RESERVED).to_string()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<_> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn string_to_sign(canonical_request: &str, date: &str, scope: &str) -> String {
    format!("{ALGORITHM}\n{date}\n{scope}\n{}", sha256_hex(canonical_request.as_bytes()))
}

/// `kSigning = HMAC(HMAC(HMAC(HMAC("AWS4" + secret, date), region), service), "aws4_request")`: the parts of the
/// credential scope in their order.
fn sign(secret: &str, scope: &str, string_to_sign: &str) -> String {
    let key =
        scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac_sha256(&key, part));
    hex::encode(hmac_sha256(&key, string_to_sign))
}

fn hmac_sha256(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AWS Signature Version 4 test suite, `get-vanilla`: canonical request, string to sign and signature.
    #[test]
    fn the_published_example_is_reproduced_step_by_step() {
        let (head, ()) = http::Request::get("/")
            .header("host", "example.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .body(())
            .expect("a valid request")
            .into_parts();
        let canonical = canonical_request(&head, "host;x-amz-date", &sha256_hex(b""));
        assert_eq!(
            canonical,
            "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n\
             e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        let scope = "20150830/us-east-1/service/aws4_request";
        let string_to_sign = string_to_sign(&canonical, "20150830T123600Z", scope);
        assert_eq!(
            string_to_sign,
            "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\n\
             bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63"
        );
        assert_eq!(
            sign("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", scope, &string_to_sign),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
    }

    /// IAM User Guide, "Create a canonical request": query parameters sorted by encoded name, then by value.
    #[test]
    fn a_query_is_sorted_and_encoded_once() {
        assert_eq!(canonical_query("b=2&a=%2F&a=1&c"), "a=%2F&a=1&b=2&c=");
        assert_eq!(
            canonical_query("query=a%2bb+c%20d&m[]=%25&n=100%"),
            "m%5B%5D=%25&n=100%25&query=a%2Bb%20c%20d"
        );
        assert_eq!(canonical_query(""), "");
    }
    #[test]
    fn only_the_iso_basic_format_is_a_date() {
        assert_eq!(parse_date("20150830T123600Z"), Some(1_440_938_160_000));
        assert_eq!(parse_date("20000229T000000Z"), Some(951_782_400_000));
        for text in [
            "",
            "20150830",
            "20150830T123600",
            "20151330T123600Z",
            "20150830T243600Z",
            "20150230T123600Z",
            "2015 830T123600Z",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
