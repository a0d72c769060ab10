//! Logging: the environment → how much is logged and in which form, as `push-gateway` does it.
//!
//! `RUST_LOG` wins over `AWS_LAMBDA_LOG_LEVEL`. The form is what `AWS_LAMBDA_LOG_FORMAT` says, else JSON on Lambda
//! and text in a terminal.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// Starts logging to standard output, which Lambda sends to CloudWatch.
pub fn init(lookup: impl Fn(&str) -> Option<String>) {
    let json = match lookup("AWS_LAMBDA_LOG_FORMAT") {
        Some(format) => format.eq_ignore_ascii_case("json"),
        None => lookup("AWS_LAMBDA_FUNCTION_NAME").is_some(),
    };
    let lines = if json {
        fmt::layer().json().flatten_event(true).with_span_list(false).boxed()
    } else {
        // CloudWatch stamps each line with its time.
        fmt::layer().with_ansi(false).without_time().boxed()
    };
    tracing_subscriber::registry().with(lines.with_filter(filter(lookup))).init();
}

fn filter(lookup: impl Fn(&str) -> Option<String>) -> Targets {
    let directives = lookup("RUST_LOG").and_then(|directives| directives.parse().ok());
    directives.unwrap_or_else(|| {
        let level = match lookup("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default().to_ascii_lowercase().as_str() {
            // An empty text would be read as `error`.
            "" => LevelFilter::INFO,
            // Lambda's levels are ours but for the last one.
            "fatal" => LevelFilter::ERROR,
            level => level.parse().unwrap_or(LevelFilter::INFO),
        };
        Targets::new()
            .with_default(level)
            // The chain's own lines repeat at length what our error says, with whole answers of other services.
            .with_target("aws_config", LevelFilter::OFF)
            // Shows the headers that are signed, with the session token.
            .with_target("aws_sigv4", LevelFilter::OFF)
    })
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn the_signer_is_silent_at_every_level_of_lambda() {
        for level in ["", "TRACE", "DEBUG", "INFO", "loud", "FATAL"] {
            let filter = filter(|name| (name == "AWS_LAMBDA_LOG_LEVEL").then(|| level.to_owned()));
            assert!(!filter.would_enable("aws_sigv4::http_request", &Level::ERROR), "{level}");
            assert!(filter.would_enable("query", &Level::ERROR), "{level}");
            let expects_info = level != "FATAL";
            assert_eq!(filter.would_enable("query", &Level::INFO), expects_info, "{level}");
        }
    }
}
