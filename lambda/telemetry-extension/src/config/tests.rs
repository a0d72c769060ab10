//! The configuration of valid environments, and the errors of invalid ones.

use super::*;

const AMP: &str = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write";
const URL: &str = "TELEMETRY_REMOTE_WRITE_URL";
const SECRET: &str = "arn:aws:secretsmanager:eu-north-1:123456789012:secret:gateway-AbCdEf";

fn config(variables: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
    Config::from_lookup(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
}

fn destination(variables: &[(&str, &str)]) -> Destination {
    config(variables).expect("a good configuration").destination
}

#[test]
fn a_destination_is_enough() {
    let config = config(&[(URL, AMP)]).unwrap();
    let scope = Scope { region: "eu-west-1".to_owned(), service: "aps" };
    assert!(matches!(config.destination, Destination::RemoteWrite { scope: Some(s), .. } if s == scope));
    assert_eq!((config.min_batch, config.max_age_ms), (1_000, 60_000));
    assert_eq!((config.summaries, config.instance_label), (false, InstanceLabel::Short));
    assert!(config.external_labels.is_empty());
}

#[test]
fn a_service_has_the_region_of_its_arn_or_of_the_function() {
    let arn = "arn:aws:lambda:eu-south-1:123456789012:function:gateway";
    for (name, expected) in [
        (arn, "https://lambda.eu-south-1.amazonaws.com/"),
        ("gateway", "https://lambda.cn-north-1.amazonaws.com.cn/"),
    ] {
        let variables = [("TELEMETRY_FUNCTION", name), ("AWS_REGION", "cn-north-1")];
        let Destination::Function { service, .. } = destination(&variables) else { panic!("no function") };
        assert_eq!(service.endpoint.uri().to_string(), expected);
    }
    let variables = [("GATEWAY", "http://gateway:9091/base"), ("AUTH_SECRET", SECRET)];
    let Destination::Pushgateway { secret: Some(secret), .. } = destination(&variables) else {
        panic!("no secret")
    };
    let Service { endpoint, scope } = secret.service;
    assert_eq!(endpoint.uri().to_string(), "https://secretsmanager.eu-north-1.amazonaws.com/");
    assert_eq!(scope, Scope { region: "eu-north-1".to_owned(), service: "secretsmanager" });
}

#[test]
fn options_have_their_values() {
    let config = config(&[
        ("GATEWAY", "http://gateway:9091"),
        ("DELETE_ON_SHUTDOWN", "TRUE"),
        ("DISPATCH_MIN_BATCH_SIZE", "5"),
        ("DISPATCH_MAX_AGE_SECONDS", " 10 "),
        ("TELEMETRY_SUMMARIES", "true"),
        ("TELEMETRY_INSTANCE_LABEL", "full"),
        ("TELEMETRY_EXTERNAL_LABELS", r#"{"env":"prod","team":""}"#),
    ]);
    let config = config.unwrap();
    assert!(matches!(
        config.destination,
        Destination::Pushgateway { delete_on_shutdown: true, secret: None, .. }
    ));
    assert_eq!((config.min_batch, config.max_age_ms), (5, 10_000));
    assert_eq!((config.summaries, config.instance_label), (true, InstanceLabel::Full));
    assert_eq!(config.external_labels, [("env".to_owned(), "prod".to_owned())]);
}

/// Users of Prometheus's client libraries have such values.
#[test]
fn a_pushgateway_needs_no_scheme() {
    for (given, expected) in [
        ("gateway:9091", "http://gateway:9091/"),
        ("10.0.0.7", "http://10.0.0.7/"),
        ("gateway/base", "http://gateway/base"),
        ("[::1]:9091", "http://[::1]:9091/"),
        ("https://gateway", "https://gateway/"),
    ] {
        let Destination::Pushgateway { endpoint, .. } = destination(&[("GATEWAY", given)]) else {
            panic!("no Pushgateway")
        };
        assert_eq!(endpoint.uri().to_string(), expected);
    }
}

#[test]
fn values_with_another_meaning_are_accepted() {
    let config = |variable, value| config(&[("GATEWAY", "gateway"), (variable, value)]).unwrap();
    assert_eq!(config("DISPATCH_MIN_BATCH_SIZE", "0").min_batch, 1, "as in other extensions");
    assert!(config("TELEMETRY_METRICS", "report_duration_seconds").summaries, "the name of a summary");
}

#[test]
fn failing_open_is_a_choice() {
    let fail_open = |value: &str| fail_open(|name| (name == "TELEMETRY_FAIL_OPEN").then(|| value.to_owned()));
    assert_eq!([fail_open(" true "), fail_open("False"), fail_open("")], [Ok(true), Ok(false), Ok(false)]);
    assert!(fail_open("1").is_err());
}

/// The rules of shared settings are tested in the crate `aws`.
#[test]
fn an_error_names_the_variable_on_one_line() {
    let good = ("GATEWAY", "http://gateway:9091");
    for (variables, expected) in [
        (vec![], "no destination is set; set one of TELEMETRY_REMOTE_WRITE_URL"),
        (vec![("GATEWAY", " ")], "no destination is set"),
        (vec![(URL, AMP), good], "TELEMETRY_REMOTE_WRITE_URL and GATEWAY are both set"),
        (vec![("GATEWAY", "https:/gateway:9091")], "GATEWAY: expected a URL"),
        (vec![("GATEWAY", "http://gateway?x=1")], "GATEWAY: expected the URL of a Pushgateway"),
        (
            vec![("TELEMETRY_FUNCTION", "a/b")],
            "TELEMETRY_FUNCTION: expected the name or the ARN of a function",
        ),
        (vec![("TELEMETRY_FUNCTION", "f")], "set AWS_REGION, or name the region in TELEMETRY_FUNCTION"),
        (vec![good, ("AUTH_SECRET", "gateway")], "set AWS_REGION, or name the region in AUTH_SECRET"),
        (vec![good, ("DISPATCH_MIN_BATCH_SIZE", "-1")], "DISPATCH_MIN_BATCH_SIZE: expected a whole number"),
        (vec![good, ("DISPATCH_MAX_AGE_SECONDS", "0")], "DISPATCH_MAX_AGE_SECONDS: expected a whole number"),
        (
            vec![good, ("TELEMETRY_METRICS", "invocations_total,durations")],
            "TELEMETRY_METRICS: expected names of metrics such as invocations_total, got \"durations\"",
        ),
        (
            vec![good, ("TELEMETRY_HISTOGRAMS", "cold_starts_total")],
            "TELEMETRY_HISTOGRAMS: expected names of histograms such as duration_seconds, or none, got \"cold",
        ),
        (vec![good, ("TELEMETRY_FAIL_OPEN", "yes")], "TELEMETRY_FAIL_OPEN: expected true or false"),
        (vec![good, ("TELEMETRY_EXTERNAL_LABELS", r#"{"le":"1"}"#)], "label \"le\" is reserved"),
    ] {
        let message = config(&variables).expect_err(expected).to_string();
        assert!(message.contains(expected), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}
