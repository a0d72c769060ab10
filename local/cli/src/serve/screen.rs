//! Prints where everything listens with commands to copy, and the figures at the end.

use owo_colors::OwoColorize as _;

use crate::console::{print_heading, print_line};
use crate::stack::{Endpoints, Figures};

/// The event of the README, with the time of the shell that sends it.
const EVENT: &str = r#"{"dimensions":{"customerId":"customer1"},"timestamp":'$(date +%s)'000,"metrics":{"temperature":"14.3","ph":"6.7"}}"#;

/// A metric of OpenTelemetry, with the time of the shell that sends it.
const METRIC: &str = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"water.temperature","unit":"Cel","gauge":{"dataPoints":[{"timeUnixNano":"'$(date +%s)'000000000","asDouble":14.3}]}}]}]}]}"#;

/// The query function for ranges, and its payload: without start and end it reads the last hour.
const RANGE_QUERY: &str = "range_query";
const RANGE: &str = r#"{"query":"temperature"}"#;

/// Invocations by status, over all environments of the function; then the same in a URL.
const INVOCATIONS: &str = "sum by (function, status) (last_over_time(aws_lambda_invocations_total[1h]))";
const INVOCATIONS_IN_URL: &str =
    "sum%20by%20(function%2C%20status)%20(last_over_time(aws_lambda_invocations_total%5B1h%5D))";

/// The endpoints, with a command to copy for each.
pub(super) fn print_endpoints(endpoints: &Endpoints) {
    let user = &endpoints.credentials;
    let (key, secret) = (user.access_key_id(), user.secret_access_key());
    let Endpoints { region, lambda, function, http, sqs, queue_url, control, .. } = endpoints;
    let aws = format!("AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret} aws --region {region}");

    print_heading("Where everything is");
    let line = |name: &str, url: &str| print_line!("  {name:<20} {url}");
    line("Lambda", lambda);
    line("function URL", &http.function_url);
    line("HTTP API", &http.http_api);
    line("load balancer", &http.alb);
    if let Some(url) = &http.query_url {
        line("Prometheus HTTP API", url);
    }
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

    print_heading("Try it, from another terminal");
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
    example(
        "or a job pushes to it as to a Pushgateway",
        &format!(
            "echo 'backup_duration_seconds 42.5' | curl -i --user {}:{} --data-binary @- {}/metrics/job/backup",
            http.username, http.password, http.function_url
        ),
    );
    example(
        "or a program sends metrics of OpenTelemetry, as an SDK does",
        &format!(
            "curl -i --user {}:{} -H 'content-type: application/json' --data-raw '{METRIC}' {}/v1/metrics",
            http.username, http.password, http.function_url
        ),
    );
    example(
        "or Prometheus writes to it, with this in its configuration",
        &format!(
            "remote_write: [{{url: {}/api/v1/write, basic_auth: {{username: {}, password: {}}}}}]",
            http.function_url, http.username, http.password
        ),
    );
    print_queries(endpoints, &aws);
    if let (true, Some(url)) = (endpoints.has_telemetry, &endpoints.prometheus) {
        example(
            "the function's telemetry: its invocations, some seconds later",
            &format!("curl -s {url}/api/v1/query --data-urlencode 'query={INVOCATIONS}'"),
        );
    }
    match &endpoints.prometheus {
        Some(url) => example("Prometheus draws it: open this page", &page(url, endpoints.has_telemetry)),
        None => example(
            "for PromQL install Prometheus and start again, for example with",
            "apt-get install prometheus",
        ),
    }
    example(
        "the workspace fails five times, and nothing is lost",
        &format!("curl -X PUT {control}/faults -d 503:5"),
    );
    example("the figures of each part", &format!("curl {control}/figures"));
    print_line!("  {}", "Ctrl-C stops everything.".bold());
    print_heading("Invocations");
}

fn example(what: &str, command: &str) {
    print_line!("  {}\n  {command}\n", format!("# {what}").dimmed());
}

/// Commands that read what was written. `aws` is the beginning of a command of the AWS CLI.
fn print_queries(endpoints: &Endpoints, aws: &str) {
    let Endpoints { region, lambda, http, credentials, .. } = endpoints;
    let (key, secret) = (credentials.access_key_id(), credentials.secret_access_key());
    if endpoints.query_functions.iter().any(|name| name == RANGE_QUERY) {
        example(
            "a function reads the last hour, if Prometheus is behind the workspace",
            &format!(
                "echo '{RANGE}' | {aws} lambda invoke --endpoint-url {lambda} --function-name {RANGE_QUERY} \
                 --payload fileb:///dev/stdin /dev/stdout"
            ),
        );
    }
    if let Some(url) = &http.query_url {
        example(
            "Grafana takes this as the URL of a Prometheus data source with basic authentication, and promtool",
            &format!(
                "promtool query instant {} temperature",
                url.replace("http://", &format!("http://{}:{}@", http.username, http.password))
            ),
        );
    }
    // A form, because curl before 8.3 signs URLs wrongly if their query has other characters than letters. It signs the
    // content type only if it is given.
    example(
        "the workspace answers a signed query, if Prometheus is behind it",
        &format!(
            "curl -s --aws-sigv4 aws:amz:{region}:aps --user {key}:{secret} {} \
             -H 'content-type: application/x-www-form-urlencoded' --data-urlencode 'query=temperature'",
            endpoints.query_url()
        ),
    );
}

/// Prometheus's page with a panel for the sample metric, and one for the function's telemetry.
fn page(prometheus: &str, has_telemetry: bool) -> String {
    let sent = format!("{prometheus}/graph?g0.expr=temperature&g0.tab=0&g0.range_input=15m");
    if !has_telemetry {
        return sent;
    }
    format!("{sent}&g1.expr={INVOCATIONS_IN_URL}&g1.tab=0&g1.range_input=15m")
}

/// The totals at the end.
pub(super) fn print_figures(figures: &Figures) {
    print_heading("Totals");
    let line = |name: &str, text: String| print_line!("  {name:<20} {text}");
    line(
        "event source",
        format!(
            "{} messages received, {} deleted, {} given back; {} invocations, {} failed",
            figures.event_source.received,
            figures.event_source.deleted,
            figures.event_source.given_back,
            figures.event_source.invocations,
            figures.event_source.failed_invocations,
        ),
    );
    line(
        "queue",
        format!(
            "{} messages waiting, {} hidden until their visibility timeout",
            figures.queue.visible, figures.queue.in_flight
        ),
    );
    line("dead-letter queue", format!("{} messages", figures.dead_letters));
    line(
        "workspace",
        format!(
            "{} samples in {} series, by {} write requests",
            figures.amp.samples, figures.amp.series, figures.amp.requests
        ),
    );
    print_line!("");
}
