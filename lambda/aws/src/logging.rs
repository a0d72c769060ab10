//! Logging: the environment → how much is logged and in which form.
//!
//! `RUST_LOG` wins over `AWS_LAMBDA_LOG_LEVEL`. The form is what `AWS_LAMBDA_LOG_FORMAT` says, else JSON on Lambda
//! and text in a terminal. Neither can make a dependency log a secret: see `may_log`.

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// The crates that log no secret at any level: those of this project.
const OURS: [&str; 4] = ["aws", "push_gateway", "query", "remote_write"];

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
    let harmless = filter_fn(may_log).with_max_level_hint(LevelFilter::TRACE);
    tracing_subscriber::registry().with(lines.with_filter(filter(lookup).and(harmless))).init();
}

fn filter(lookup: impl Fn(&str) -> Option<String>) -> Targets {
    let directives = lookup("RUST_LOG").and_then(|directives| directives.parse::<Targets>().ok());
    directives.unwrap_or_else(|| {
        let level = match lookup("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default().to_ascii_lowercase().as_str() {
            // An empty text would be read as `error`.
            "" => LevelFilter::INFO,
            // Lambda's levels are ours but for the last one.
            "fatal" => LevelFilter::ERROR,
            level => level.parse().unwrap_or(LevelFilter::INFO),
        };
        Targets::new().with_default(level)
    })
}

/// Whether lines of this kind can hold no secret. Below INFO, dependencies log whole requests and answers, and those of
/// AWS's crates are there to get credentials; their errors and warnings repeat answers too, and say nothing that our own
/// errors do not.
fn may_log(metadata: &Metadata<'_>) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    OURS.contains(&name) || (*metadata.level() <= Level::INFO && !name.starts_with("aws_"))
}

#[cfg(test)]
mod tests {
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
}
