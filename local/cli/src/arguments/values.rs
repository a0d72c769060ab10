//! Parsers of option values; clap prints the option before each of these messages.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser};
use local_amp::MAX_OUT_OF_ORDER_WINDOW;
use local_testing::prometheus::is_executable;

/// `NAME=VALUE`.
pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// `NAME=FILE`.
pub(crate) fn function(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = variable(text).map_err(|_| "expected NAME=FILE")?;
    Ok((name, executable(file.into())?))
}

/// A program, as an absolute path: a name without a folder would be searched in `PATH` when it is started.
pub(crate) fn program() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(executable)
}

/// The program `moto_server` in its virtual environment.
pub(crate) fn moto() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| {
        let path = executable(path)?;
        if is_executable(&path.with_file_name("python")) {
            Ok(path)
        } else {
            Err("expected a program with its python beside it".to_owned())
        }
    })
}

/// The absolute path of a file that can be executed.
pub(crate) fn executable(path: PathBuf) -> Result<PathBuf, String> {
    let path = std::path::absolute(path).map_err(|error| error.to_string())?;
    if is_executable(&path) { Ok(path) } else { Err("expected an executable file".to_owned()) }
}

/// Lambda quotas, "Function timeout": 900 seconds.
pub(crate) fn function_timeout(text: &str) -> Result<Duration, String> {
    whole_seconds(text, 1..=900)
}

/// Lambda, `MaximumBatchingWindowInSeconds`.
pub(crate) fn batching_window(text: &str) -> Result<Duration, String> {
    whole_seconds(text, 0..=300)
}

/// SQS, `VisibilityTimeout`.
pub(crate) fn visibility_timeout(text: &str) -> Result<Duration, String> {
    whole_seconds(text, 0..=43_200)
}

/// A time of at least one second.
pub(crate) fn some_time(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time < Duration::from_secs(1) { Err("expected 1s or more".to_owned()) } else { Ok(time) }
}

/// AMP quotas, "Out of order time window per workspace".
pub(crate) fn out_of_order_window(text: &str) -> Result<Duration, String> {
    whole_seconds(text, 0..=MAX_OUT_OF_ORDER_WINDOW.as_secs())
}

fn whole_seconds(text: &str, range: RangeInclusive<u64>) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.subsec_nanos() == 0 && range.contains(&time.as_secs()) {
        return Ok(time);
    }
    Err(format!("expected whole seconds from {}s to {}s", range.start(), range.end()))
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

/// A region code, which becomes a part of host names and ARNs.
pub(crate) fn region(text: &str) -> Result<String, String> {
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    made_of(text, is_part).ok_or_else(|| "expected the code of a region, such as eu-west-1".to_owned())
}

/// The id of a workspace, which becomes a part of its path.
pub(crate) fn workspace_id(text: &str) -> Result<String, String> {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    made_of(text, is_part).ok_or_else(|| "expected letters, digits, - and _".to_owned())
}

fn made_of(text: &str, is_part: impl Fn(u8) -> bool) -> Option<String> {
    (!text.is_empty() && text.bytes().all(is_part)).then(|| text.to_owned())
}

/// A rate above zero.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| *rate > 0.0 && rate.is_finite());
    rate.ok_or_else(|| "expected a number above 0".to_owned())
}

/// The URL of an API without TLS.
pub(crate) fn http_url(text: &str) -> Result<String, String> {
    let url = text.parse().ok().filter(|url: &http::Uri| url.scheme() == Some(&http::uri::Scheme::HTTP));
    url.map(|_| text.to_owned()).ok_or_else(|| "expected a URL such as http://127.0.0.1:9001".to_owned())
}
