//! What a person sees while the stack runs: where everything is, and what each invocation did.

use crate::stack::{Endpoints, Figures};

use crate::stdout::print_line;
use crate::terminal::{Style, Terminal};
use crate::wording::grouped;

/// An event like the README's, at the time of the shell that sends it.
const EVENT: &str = r#"{"dimensions":{"customerId":"customer1"},"timestamp":'$(date +%s)'000,"metrics":{"temperature":"14.3","ph":"6.7"}}"#;

/// The function that reads a range, and what it is asked; without more it is the last hour.
const RANGE_QUERY: &str = "range_query";
const RANGE: &str = r#"{"query":"temperature"}"#;

/// How often the function ran, by what became of it, over all of its environments; and as it stands in a URL.
const INVOCATIONS: &str = "sum by (function, status) (last_over_time(aws_lambda_invocations_total[1h]))";
const INVOCATIONS_IN_URL: &str =
    "sum%20by%20(function%2C%20status)%20(last_over_time(aws_lambda_invocations_total%5B1h%5D))";

/// The endpoints, with a line to copy for each.
pub(crate) fn endpoints(terminal: Terminal, endpoints: &Endpoints) {
    let user = &endpoints.credentials;
    let (key, secret) = (user.access_key_id(), user.secret_access_key());
    let Endpoints { region, lambda, function, sqs, queue_url, control, .. } = endpoints;
    let aws = format!("AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret} aws --region {region}");

    terminal.heading("Where everything is");
    let line = |name: &str, url: &str| print_line!("  {name:<20} {url}");
    line("Lambda", lambda);
    line("SQS", sqs);
    line("queue", queue_url);
    line("dead-letter queue", &endpoints.dead_letter_queue_url);
    line("AMP workspace", &endpoints.amp);
    line("its id, its alias", &format!("{}, {}", endpoints.workspace_id, endpoints.workspace_alias));
    line(
        "Prometheus",
        endpoints.prometheus.as_deref().unwrap_or("none: the workspace keeps samples in memory"),
    );
    line("control", control);

    terminal.heading("Try it, from another terminal");
    let example = |what: &str, command: &str| {
        print_line!("  {}\n  {command}\n", terminal.paint(Style::Dim, &format!("# {what}")));
    };
    example(
        "a producer sends a message",
        &format!(
            "{aws} sqs send-message --endpoint-url {sqs} --queue-url {queue_url} --message-body '{EVENT}'"
        ),
    );
    example(
        "or invokes the function directly",
        &format!(
            "echo '{EVENT}' | {aws} lambda invoke --endpoint-url {lambda} --function-name {function} \
             --payload fileb:///dev/stdin /dev/stdout"
        ),
    );
    if endpoints.query_functions.iter().any(|name| name == RANGE_QUERY) {
        example(
            "a function reads the last hour; for this Prometheus has to stand behind the workspace",
            &format!(
                "echo '{RANGE}' | {aws} lambda invoke --endpoint-url {lambda} --function-name {RANGE_QUERY} \
                 --payload fileb:///dev/stdin /dev/stdout"
            ),
        );
    }
    // A quoted form, since curl before 8.3 signs no query in a URL that has other characters than letters. It signs the
    // type of a form only if it is named.
    example(
        "the workspace answers a signed query, in PromQL if Prometheus stands behind it",
        &format!(
            "curl -s --aws-sigv4 aws:amz:{region}:aps --user {key}:{secret} {} \
             -H 'content-type: application/x-www-form-urlencoded' --data-urlencode 'query=temperature'",
            endpoints.query_url()
        ),
    );
    if let (true, Some(url)) = (endpoints.has_telemetry, &endpoints.prometheus) {
        example(
            "the function's telemetry: how often it ran, some seconds after it did",
            &format!("curl -s {url}/api/v1/query --data-urlencode 'query={INVOCATIONS}'"),
        );
    }
    match &endpoints.prometheus {
        Some(url) => example("Prometheus draws it: open this page", &page(url, endpoints.has_telemetry)),
        None => example(
            "for PromQL and its page install Prometheus and start again, for example with",
            "apt-get install prometheus",
        ),
    }
    example(
        "the workspace fails five times: see that nothing is lost",
        &format!("curl -X PUT {control}/faults -d 503:5"),
    );
    example("what each part holds", &format!("curl {control}/figures"));
    print_line!("  {}", terminal.paint(Style::Bold, "Ctrl-C stops everything."));
    terminal.heading("Invocations");
}

/// Prometheus's page with a panel for what was sent, and one for the function itself if it tells.
fn page(prometheus: &str, has_telemetry: bool) -> String {
    let sent = format!("{prometheus}/graph?g0.expr=temperature&g0.tab=0&g0.range_input=15m");
    if !has_telemetry {
        return sent;
    }
    format!("{sent}&g1.expr={INVOCATIONS_IN_URL}&g1.tab=0&g1.range_input=15m")
}

/// The sums at the end.
pub(crate) fn figures(terminal: Terminal, figures: &Figures) {
    terminal.heading("What became of it");
    let line = |name: &str, text: String| print_line!("  {name:<20} {text}");
    line(
        "event source",
        format!(
            "{} messages received, {} deleted, {} given back; {} invocations, {} failed",
            grouped(figures.event_source.received),
            grouped(figures.event_source.deleted),
            grouped(figures.event_source.given_back),
            grouped(figures.event_source.invocations),
            grouped(figures.event_source.failed_invocations),
        ),
    );
    line(
        "queue",
        format!(
            "{} messages waiting, {} hidden until their visibility timeout",
            grouped(figures.queue.visible),
            grouped(figures.queue.in_flight)
        ),
    );
    line("dead-letter queue", format!("{} messages", grouped(figures.dead_letters)));
    line(
        "workspace",
        format!(
            "{} samples in {} series, by {} write requests",
            grouped(figures.amp.samples),
            grouped(figures.amp.series),
            grouped(figures.amp.requests)
        ),
    );
    print_line!("");
}
