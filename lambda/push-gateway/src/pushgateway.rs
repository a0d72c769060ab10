//! The grouping key of a Pushgateway: the labels in the path of a push.
//!
//! <https://github.com/prometheus/pushgateway#url>. The texts of the errors are those of its `handler/push.go` and
//! `handler/misc.go`. It cleans a path before it reads it, so there an encoded slash divides values and an empty value
//! needs base64. Here the path is divided before it is decoded, and both are part of the value.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;

use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::{DecodeError, Engine as _};
use formats::Grouping;
use formats::text::truncated;
use percent_encoding::percent_decode_str;
use remote_write::{LabelName, NameEscaping};

/// The label of the first value.
const JOB: &str = "job";

/// The end of a name whose value is encoded in base64.
const BASE64_SUFFIX: &str = "@base64";

/// The start of names that Prometheus reserves.
const RESERVED_PREFIX: &str = "__";

/// Ignores the unused bits of the last character, as Go does.
const BASE64: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// The reason why a path has no grouping key. Each message is one line of bounded length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGrouping {
    /// The first value is empty.
    #[error("job name is required")]
    NoJob,
    /// The last name has no value.
    #[error("odd number of components in label string {0}")]
    Odd(String),
    /// A name that is not one of a label, or is reserved.
    #[error("improper label name {0}")]
    Name(String),
    /// The job is not base64. A Pushgateway shows an empty name, since it has no other.
    #[error("invalid base64 encoding in job name \"\": illegal base64 data at input byte {at}")]
    JobBase64 {
        /// The index of the first byte that is not base64.
        at: usize,
    },
    /// A value is not base64.
    #[error("invalid base64 encoding for label {name}={value}: illegal base64 data at input byte {at}")]
    Base64 {
        /// The label.
        name: String,
        /// The value.
        value: String,
        /// The index of the first byte that is not base64.
        at: usize,
    },
    /// A percent sign without two hexadecimal digits, which Go's HTTP server refuses.
    #[error("400 Bad Request")]
    Percent,
    /// A value that Prometheus cannot store.
    #[error(
        "pushed metrics are invalid or inconsistent with existing metrics: label {name}: value {value} is not valid UTF-8"
    )]
    NotUtf8 {
        /// The label.
        name: String,
        /// The value.
        value: String,
    },
}

/// The labels of `path`, which is not decoded: `/metrics/job/` and its value, then any number of names and values. `None`
/// for a path that begins otherwise.
///
/// The labels are unique: the last one of a name counts, except `job`, where the first does.
pub fn grouping(path: &str) -> Option<Result<Grouping, InvalidGrouping>> {
    let (first, rest) = path.trim_start_matches('/').strip_prefix("metrics/")?.split_once('/')?;
    let is_base64 = first.strip_prefix(JOB)?;
    if !matches!(is_base64, "" | BASE64_SUFFIX) {
        return None;
    }
    let (job, labels) = match rest.split_once('/') {
        Some((job, labels)) => (job, Some(labels)),
        None => (rest, None),
    };
    Some(labels_of(job, !is_base64.is_empty(), labels.filter(|labels| !labels.is_empty())))
}

fn labels_of(job: &str, is_base64: bool, labels: Option<&str>) -> Result<Grouping, InvalidGrouping> {
    let job = decoded(job)?;
    let job =
        if is_base64 { from_base64(&job).map_err(|at| InvalidGrouping::JobBase64 { at })? } else { job };
    if job.is_empty() {
        return Err(InvalidGrouping::NoJob);
    }
    let name = LabelName::new(JOB, NameEscaping::Reject).expect("it matches the charset");
    let mut grouping = vec![(name, text(JOB, job)?)];
    let Some(labels) = labels else { return Ok(grouping) };
    let components = labels.split('/').map(decoded).collect::<Result<Vec<_>, _>>()?;
    if components.len() % 2 != 0 {
        let all = [b"/".as_slice(), &components.join(&b'/')].concat();
        return Err(InvalidGrouping::Odd(quoted(&all)));
    }
    let pairs = components.chunks_exact(2).map(|pair| label(&pair[0], &pair[1]));
    let mut labels = pairs.collect::<Result<Vec<_>, _>>()?;
    let mut seen = HashSet::from([JOB.to_owned()]);
    labels.reverse();
    labels.retain(|(name, _)| seen.insert(name.as_str().to_owned()));
    grouping.extend(labels.into_iter().rev());
    Ok(grouping)
}

fn label(name: &[u8], value: &[u8]) -> Result<(LabelName<'static>, String), InvalidGrouping> {
    let (name, is_base64) = match name.strip_suffix(BASE64_SUFFIX.as_bytes()) {
        Some(name) => (name, true),
        None => (name, false),
    };
    let label = label_name(name).ok_or_else(|| InvalidGrouping::Name(quoted(name)))?;
    let value = if is_base64 {
        from_base64(value).map_err(|at| InvalidGrouping::Base64 {
            name: truncated(label.as_str()),
            value: quoted(value),
            at,
        })?
    } else {
        Cow::Borrowed(value)
    };
    let value = text(label.as_str(), value)?;
    Ok((label, value))
}

fn label_name(name: &[u8]) -> Option<LabelName<'static>> {
    let name = str::from_utf8(name).ok().filter(|name| !name.starts_with(RESERVED_PREFIX))?;
    LabelName::new(name.to_owned(), NameEscaping::Reject).ok()
}

/// The bytes of a segment of a path. A `+` is not a space (RFC 3986, section 2.1).
fn decoded(segment: &str) -> Result<Cow<'_, [u8]>, InvalidGrouping> {
    let is_escape =
        |rest: &str| rest.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    if segment.split('%').skip(1).all(is_escape) {
        Ok(percent_decode_str(segment).into())
    } else {
        Err(InvalidGrouping::Percent)
    }
}

/// Padding is optional, so a single `=` is an empty value.
///
/// # Errors
/// The index of the first invalid byte.
fn from_base64(value: &[u8]) -> Result<Cow<'static, [u8]>, usize> {
    let end = value.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1);
    BASE64.decode(&value[..end]).map(Cow::Owned).map_err(|error| match error {
        DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => at,
        // The start of the incomplete group.
        DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => end - end % 4,
    })
}

fn text(name: &str, value: Cow<'_, [u8]>) -> Result<String, InvalidGrouping> {
    String::from_utf8(value.into_owned())
        .map_err(|error| InvalidGrouping::NotUtf8 { name: truncated(name), value: quoted(error.as_bytes()) })
}

/// `bytes` in quotes, with the escapes of Go's `%q`.
fn quoted(bytes: &[u8]) -> String {
    /// The number of bytes that an error shows.
    const SHOWN: usize = 256;
    let mut shown = String::from("\"");
    for chunk in bytes[..bytes.len().min(SHOWN)].utf8_chunks() {
        for c in chunk.valid().chars() {
            let _ = match c {
                '"' => write!(shown, "\\\""),
                '\u{7}' => write!(shown, "\\a"),
                '\u{8}' => write!(shown, "\\b"),
                '\u{b}' => write!(shown, "\\v"),
                '\u{c}' => write!(shown, "\\f"),
                '\n' | '\r' | '\t' | '\\' => write!(shown, "{}", c.escape_default()),
                c if c.is_ascii_control() => write!(shown, "\\x{:02x}", u32::from(c)),
                c if c.is_control() => write!(shown, "\\u{:04x}", u32::from(c)),
                c => write!(shown, "{c}"),
            };
        }
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown.push('"');
    if bytes.len() > SHOWN {
        shown.push('…');
    }
    shown
}
