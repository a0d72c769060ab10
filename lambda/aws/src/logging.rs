//! Logs to standard output, which Lambda sends to CloudWatch.
//!
//! No setting can make a dependency log a secret: see `may_log`.

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// The crates of this project, which log no secret at any level.
const OURS: [&str; 7] = [
    "aws",
    "formats",
    "prometheus_sigv4_proxy",
    "push_gateway",
    "query",
    "remote_write",
    "telemetry_extension",
];

/// Starts the log of a function or a plain program. `RUST_LOG` takes precedence over `AWS_LAMBDA_LOG_LEVEL`. The format is that of
/// `AWS_LAMBDA_LOG_FORMAT`, else JSON on Lambda and text in a terminal.
pub fn init(lookup: impl Fn(&str) -> Option<String>) {
    let is_json = is_json(&lookup).unwrap_or_else(|| lookup("AWS_LAMBDA_FUNCTION_NAME").is_some());
    start(is_json, function_filter(&lookup));
}

/// Starts the log of an extension, in the format of its function. Lines are few, because the extension receives each of
/// them as an event: nothing below INFO, and nothing of other crates than `program`.
pub fn init_extension(lookup: impl Fn(&str) -> Option<String>, program: &'static str) {
    start(is_json(&lookup).unwrap_or(false), extension_filter(&lookup, program));
}

fn start(is_json: bool, filter: Targets) {
    let lines = if is_json {
        fmt::layer().json().flatten_event(true).with_span_list(false).with_span_events(FmtSpan::NONE).boxed()
    } else {
        // CloudWatch adds the time of each line.
        fmt::layer().with_ansi(false).without_time().boxed()
    };
    let harmless = filter_fn(may_log).with_max_level_hint(LevelFilter::TRACE);
    tracing_subscriber::registry().with(lines.with_filter(filter.and(harmless))).init();
}

fn is_json(lookup: &impl Fn(&str) -> Option<String>) -> Option<bool> {
    lookup("AWS_LAMBDA_LOG_FORMAT").map(|format| format.eq_ignore_ascii_case("json"))
}

fn function_filter(lookup: &impl Fn(&str) -> Option<String>) -> Targets {
    let directives = lookup("RUST_LOG").and_then(|directives| directives.parse::<Targets>().ok());
    directives.unwrap_or_else(|| Targets::new().with_default(level(lookup)))
}

fn extension_filter(lookup: &impl Fn(&str) -> Option<String>, program: &'static str) -> Targets {
    Targets::new().with_target(program, level(lookup).min(LevelFilter::INFO))
}

/// The level of `AWS_LAMBDA_LOG_LEVEL`.
fn level(lookup: &impl Fn(&str) -> Option<String>) -> LevelFilter {
    match lookup("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default().to_ascii_lowercase().as_str() {
        // An empty text would be parsed as `error`.
        "" => LevelFilter::INFO,
        "fatal" => LevelFilter::ERROR,
        level => level.parse().unwrap_or(LevelFilter::INFO),
    }
}

/// Whether lines of this kind are free of secrets. Below INFO, dependencies log whole requests and responses, and AWS's
/// crates handle credentials; their errors and warnings repeat responses too, and add nothing to our own errors.
fn may_log(metadata: &Metadata<'_>) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    OURS.contains(&name) || (*metadata.level() <= Level::INFO && !name.starts_with("aws_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enabled(variables: &[(&str, &str)], level: Level) -> bool {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        function_filter(&find).would_enable("push_gateway", &level)
    }

    #[test]
    fn info_is_the_default_also_for_invalid_levels() {
        for variables in
            [vec![], vec![("AWS_LAMBDA_LOG_LEVEL", "loud")], vec![("RUST_LOG", "push_gateway=loud")]]
        {
            assert!(enabled(&variables, Level::INFO), "{variables:?}");
            assert!(!enabled(&variables, Level::DEBUG), "{variables:?}");
        }
    }

    #[test]
    fn rust_log_takes_precedence() {
        assert!(enabled(&[("AWS_LAMBDA_LOG_LEVEL", "DEBUG")], Level::DEBUG));
        assert!(!enabled(&[("AWS_LAMBDA_LOG_LEVEL", "FATAL")], Level::WARN));
        let both = [("AWS_LAMBDA_LOG_LEVEL", "DEBUG"), ("RUST_LOG", "warn,push_gateway=error")];
        assert!(enabled(&both, Level::ERROR));
        assert!(!enabled(&both, Level::WARN));
    }

    #[test]
    fn an_extension_never_logs_below_info() {
        let enabled = |value: &'static str, level| {
            let find = |name: &str| (name == "AWS_LAMBDA_LOG_LEVEL").then(|| value.to_owned());
            extension_filter(&find, "telemetry_extension").would_enable("telemetry_extension::run", &level)
        };
        assert!(enabled("", Level::INFO) && enabled("TRACE", Level::INFO));
        assert!(!enabled("TRACE", Level::DEBUG));
        assert!(!enabled("ERROR", Level::WARN) && enabled("FATAL", Level::ERROR));
    }
}
