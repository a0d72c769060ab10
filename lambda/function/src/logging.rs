//! Logging: the environment → how much is logged and in which form.
//!
//! `RUST_LOG` wins over `AWS_LAMBDA_LOG_LEVEL`. The form is what `AWS_LAMBDA_LOG_FORMAT` says, else JSON on Lambda
//! and text in a terminal.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
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
        fmt::layer().json().flatten_event(true).with_span_list(false).with_span_events(FmtSpan::NONE).boxed()
    } else {
        // CloudWatch stamps each line with its time.
        fmt::layer().with_ansi(false).without_time().boxed()
    };
    tracing_subscriber::registry().with(lines.with_filter(filter(lookup))).init();
}

fn filter(lookup: impl Fn(&str) -> Option<String>) -> Targets {
    let directives = lookup("RUST_LOG").and_then(|directives| directives.parse::<Targets>().ok());
    let chosen = directives.unwrap_or_else(|| {
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
            // Says once more what the report has said, and as an error whatever it is.
            .with_target("lambda_runtime::layers::panic", LevelFilter::OFF)
    });
    // Shows the headers that are signed, the session token among them, and the query of a URL, which may hold a key.
    // Nobody who wants to see more wants that, so `RUST_LOG` has no say in it.
    let default = chosen.default_level().unwrap_or(LevelFilter::OFF);
    let others = chosen.into_iter().filter(|(target, _)| !target.starts_with("aws_sigv4"));
    others.collect::<Targets>().with_default(default).with_target("aws_sigv4", LevelFilter::OFF)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn enabled(variables: &[(&str, &str)], level: Level) -> bool {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        filter(find).would_enable("push_gateway", &level)
    }

    #[test]
    fn info_is_the_default_and_nonsense_does_not_change_it() {
        for variables in
            [vec![], vec![("AWS_LAMBDA_LOG_LEVEL", "loud")], vec![("RUST_LOG", "push_gateway=loud")]]
        {
            assert!(enabled(&variables, Level::INFO), "{variables:?}");
            assert!(!enabled(&variables, Level::DEBUG), "{variables:?}");
        }
    }

    #[test]
    fn rust_log_wins_over_the_level_of_lambda() {
        assert!(enabled(&[("AWS_LAMBDA_LOG_LEVEL", "DEBUG")], Level::DEBUG));
        assert!(!enabled(&[("AWS_LAMBDA_LOG_LEVEL", "FATAL")], Level::WARN));
        let both = [("AWS_LAMBDA_LOG_LEVEL", "DEBUG"), ("RUST_LOG", "warn,push_gateway=error")];
        assert!(enabled(&both, Level::ERROR));
        assert!(!enabled(&both, Level::WARN));
    }

    #[test]
    fn the_signer_is_silent_whatever_is_asked_for() {
        let levels = ["", "TRACE", "loud", "FATAL"].map(|level| ("AWS_LAMBDA_LOG_LEVEL", level));
        let directives =
            ["trace", "aws_sigv4=trace", "info,aws_sigv4::http_request=trace"].map(|text| ("RUST_LOG", text));
        for (variable, value) in levels.into_iter().chain(directives) {
            let filter = filter(|name| (name == variable).then(|| value.to_owned()));
            for target in ["aws_sigv4", "aws_sigv4::http_request::sign"] {
                assert!(!filter.would_enable(target, &Level::ERROR), "{variable}={value}: {target}");
            }
        }
    }
}
