//! Logging: the environment → how much is logged and in which form. Lambda sends it to the function's log group.
//!
//! Lines are few: the extension subscribes to the lines of extensions, and each of its own comes back as an event.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

/// Starts logging to standard output, in the form that the function logs in.
pub fn init(lookup: impl Fn(&str) -> Option<String>) {
    let json = lookup("AWS_LAMBDA_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    let lines = if json {
        fmt::layer().json().flatten_event(true).boxed()
    } else {
        // CloudWatch stamps each line with its time.
        fmt::layer().with_ansi(false).without_time().boxed()
    };
    tracing_subscriber::registry().with(lines.with_filter(filter(lookup))).init();
}

/// `RUST_LOG` and the level of the function's log are the function's own matters, but for silence.
fn filter(lookup: impl Fn(&str) -> Option<String>) -> Targets {
    let level = match lookup("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default().to_ascii_lowercase().as_str() {
        "fatal" | "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        _ => LevelFilter::INFO,
    };
    Targets::new().with_target("telemetry_extension", level)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn debug_of_the_function_does_not_make_the_extension_talk() {
        let enabled = |value: &'static str, level| {
            let filter = filter(|name| (name == "AWS_LAMBDA_LOG_LEVEL").then(|| value.to_owned()));
            filter.would_enable("telemetry_extension::run", &level)
        };
        assert!(enabled("", Level::INFO) && enabled("TRACE", Level::INFO));
        assert!(!enabled("TRACE", Level::DEBUG));
        assert!(!enabled("ERROR", Level::WARN) && enabled("FATAL", Level::ERROR));
    }
}
