//! The text of each hint. Which requests are sent is tested through the function.

use super::*;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn selector(expression: &str) -> Selector {
    selectors(expression).remove(0)
}

#[test]
fn an_answer_with_an_empty_list_is_empty() {
    for (data, expected) in [
        (r#"{"resultType":"vector","result":[]}"#, true),
        (r#"{"metrics":[],"total":0}"#, true),
        (r#"{"rules":[],"total":0}"#, true),
        (r#"{"resultType":"scalar","result":[1,2]}"#, false),
        (r#"{"series":[{}],"total":1}"#, false),
        ("[]", false),
    ] {
        assert_eq!(is_empty(&RawValue::from_string(data.to_owned()).unwrap()), expected, "{data}");
    }
}

#[test]
fn a_parameter_of_another_tool_names_that_tool() {
    let hint = |operation, name| other_tool(operation, [name].into_iter());
    assert!(hint(Operation::Query, "start").unwrap().contains("use range_query"));
    assert!(hint(Operation::RangeQuery, "time").unwrap().contains("use query"));
    assert_eq!(hint(Operation::Rules, "match").unwrap(), "labels or label_values or series takes match");
    assert!(hint(Operation::Query, "workspace_url").unwrap().contains("leave the parameter out"));
    assert_eq!(hint(Operation::Query, "nothing"), None);
}

#[test]
fn a_name_with_dots_is_shown_in_quotes_if_it_exists() {
    let quoted = "write a name with dots in quotes within braces: {\"a.b\"}";
    assert_eq!(quoted_name("a.b", &names(&["a.b", "a_b"])), quoted);
    let escaped = "no metric is called \"a.b\", but there is a_b_seconds_count, a_b_seconds_sum";
    assert_eq!(quoted_name("a.b", &names(&["a_b_seconds_count", "a_b_seconds_sum"])), escaped);
    assert!(quoted_name("a.b", &[]).starts_with(quoted));
}

#[test]
fn a_long_name_is_not_compared_with_others() {
    let long = "a".repeat(MAX_WANTED_BYTES + 1);
    assert!(nearest(&long, &names(&[&long])).is_empty());
    assert_eq!(nearest(&long[1..], &names(&[&long])), [&*long]);
}

#[test]
fn an_unknown_metric_has_similar_names() {
    let metrics =
        names(&["go_goroutines", "http_requests_total", "http_request_duration_seconds_count", "up"]);
    for (wanted, expected) in [
        ("http_request_total", "http_requests_total"),
        ("requests_total", "http_requests_total"),
        ("HTTP_Requests_Total", "http_requests_total"),
        ("http_request_duration", "http_request_duration_seconds_count"),
    ] {
        assert_eq!(nearest(wanted, &metrics).first(), Some(&expected), "{wanted}");
    }
    assert_eq!(
        unknown_metric("kafka_lag", &metrics),
        "no metric is called \"kafka_lag\"; find one with list_metrics, glob *part*"
    );
}

#[test]
fn values_that_exist_are_shown_the_nearest_first() {
    let values: Vec<_> = (0..30).map(|n| format!("zone-{n}")).chain(names(&["production"])).collect();
    let hint = existing_values("env", "prod", Some("up"), &values);
    assert!(
        hint.starts_with("no value of env of up matches \"prod\"; values: production, zone-0, "),
        "{hint}"
    );
    assert!(hint.ends_with(" and 11 more"), "{hint}");
    assert!(
        existing_values("env", "production", None, &values).starts_with("env=\"production\" exists, but")
    );
    assert!(existing_values("env", "prod", Some("up"), &[]).starts_with("no series of up has the label"));
}

#[test]
fn an_unknown_label_has_the_labels_that_exist() {
    let hint = unknown_label("host", Some("up"), &names(&["instance", "job"]));
    assert_eq!(hint, "no series of up has the label \"host\"; labels of up: instance, job");
}

#[test]
fn a_series_has_the_time_when_it_was_last_seen() {
    let selector = selector("up{job=\"a\"}");
    assert_eq!(
        last_seen(&selector, Timestamp::from_ms(1_700_000_000_000)),
        "{__name__=\"up\",job=\"a\"} was last seen at 2023-11-14T22:13:20Z: evaluate at that time, or over a range that \
         contains it"
    );
    assert!(not_seen(&selector).contains("had no samples in the last 7d"));
}

#[test]
fn an_expression_that_removes_all_series_has_a_reason() {
    for (expression, reason) in
        [("up == 0", "comparison"), ("rate(up[1m])", "two samples"), ("a * b", "ignoring")]
    {
        assert!(removed(expression).contains(reason), "{expression}");
    }
}

#[test]
fn a_prefix_with_a_star_is_a_glob() {
    assert_eq!(glob_prefix("http*").unwrap(), "prefix is plain text: use glob \"http*\"");
    assert_eq!(glob_prefix("http_"), None);
}

#[test]
fn a_regular_expression_matches_whole_names() {
    let metrics = names(&["http_requests_total", "up"]);
    let parts = containing("request", &metrics);
    let expected = "regex must match the whole name: use .*request.*, which matches http_requests_total";
    assert_eq!(part_of_name("request", &parts), expected);
    assert!(containing(".*", &metrics).is_empty());
}

#[test]
fn other_errors_have_a_remedy() {
    let message =
        "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector";
    assert!(range_vector(message).unwrap().contains("rate(name[5m])"));
    assert_eq!(range_vector("1:1: parse error: unexpected end of input"), None);
    for operation in [Operation::Query, Operation::RangeQuery, Operation::Series] {
        assert!(too_large(operation).starts_with("ask for less: "));
    }
    assert!(no_rules(true).contains("leave out"));
    assert!(no_rules(false).contains("no rules"));
}
