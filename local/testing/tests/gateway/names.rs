//! Every rule for names, dimensions and external labels, against the label sets that arrived.

use serde_json::{Value, json};

use crate::support::{NOW_MS, Setup, Stage};

fn body(dimensions: &Value, metrics: &Value) -> String {
    json!({"dimensions": dimensions, "timestamp": NOW_MS, "metrics": metrics}).to_string()
}

/// The label sets that arrive for these dimensions, as `name="value"` in byte order, without the metric name.
async fn labels(stage: &mut Stage, dimensions: &Value) -> Vec<String> {
    stage.amp.reset();
    stage.summary(body(dimensions, &json!({"m": 1}))).await;
    let requests = stage.amp.requests();
    let series = &requests[0].request.as_ref().expect("it could be decoded").timeseries[0];
    let shown = series.labels.iter().filter(|label| label.name != "__name__");
    shown.map(|label| format!("{}={:?}", label.name, label.value)).collect()
}

async fn all_invalid(stage: &mut Stage, bodies: &[String]) {
    assert_eq!(stage.bodies(bodies).await, (0..bodies.len()).collect::<Vec<_>>());
    assert_eq!(stage.amp.requests().len(), 0);
}

#[tokio::test]
async fn dimensions_become_labels_in_byte_order() {
    let mut stage = Stage::start().await;
    let dimensions = json!({"b": "1", "a": "2", "_": "3", "B": "4", "a1": "5", "Z": "6", "__x": "7"});
    assert_eq!(
        labels(&mut stage, &dimensions).await,
        [r#"B="4""#, r#"Z="6""#, r#"_="3""#, r#"__x="7""#, r#"a="2""#, r#"a1="5""#, r#"b="1""#]
    );
}

#[tokio::test]
async fn dimensions_may_be_empty() {
    assert_eq!(labels(&mut Stage::start().await, &json!({})).await, [""; 0]);
}

#[tokio::test]
async fn a_dimension_with_an_empty_value_is_no_label() {
    let mut stage = Stage::start().await;
    assert_eq!(labels(&mut stage, &json!({"a": "", "b": "x"})).await, [r#"b="x""#]);
    assert_eq!(labels(&mut stage, &json!({"a.b": "", "a_b": "x"})).await, [r#"a_b="x""#], "and no collision");
}

#[tokio::test]
async fn label_values_are_any_text() {
    let mut stage = Stage::start().await;
    for value in ["naïve ☃ 😀", " ", "\"quoted\\\"", "a\nb\tc", "\u{0}\u{1}", "\u{feff}"] {
        stage.amp.reset();
        assert_eq!(stage.summary(body(&json!({"device": value}), &json!({"m": 1}))).await, [1, 1, 1, 1]);
        assert_eq!(stage.stored("m", value), [(NOW_MS, 1.0)], "{value:?}");
    }
}

#[tokio::test]
async fn a_dimension_that_is_no_text_or_has_no_usable_name_is_refused() {
    let metrics = json!({"m": 1});
    let dimensions = [
        json!({"a": 12}),
        json!({"a": true}),
        json!({"a": null}),
        json!({"a": {}}),
        json!({"a": ["x"]}),
        json!({"": "x"}),
        json!({"": ""}),
        json!({"__name__": "x"}),
        json!({"__name__": ""}),
        json!("dimensions"),
        json!([]),
        json!(null),
        json!(12),
    ];
    let bodies: Vec<_> = dimensions.iter().map(|dimensions| body(dimensions, &metrics)).collect();
    all_invalid(&mut Stage::start().await, &bodies).await;
}

#[tokio::test]
async fn metrics_have_to_be_a_non_empty_object_with_usable_names() {
    let metrics =
        [json!({}), json!([]), json!("m"), json!(null), json!(1), json!({"": 1}), json!({"a": 1, "": 1})];
    let bodies: Vec<_> = metrics.iter().map(|metrics| body(&json!({}), metrics)).collect();
    all_invalid(&mut Stage::start().await, &bodies).await;
}

#[tokio::test]
async fn names_outside_the_charset_are_escaped_with_underscores() {
    let mut stage = Stage::start().await;
    assert_eq!(
        labels(&mut stage, &json!({"a.b": "1", "2xx": "2", "a:c": "3", "é": "4", "x y-z": "5"})).await,
        [r#"_="4""#, r#"_xx="2""#, r#"a_b="1""#, r#"a_c="3""#, r#"x_y_z="5""#]
    );
    for (metric, name) in [
        ("cpu.load-1m", "cpu_load_1m"),
        ("job:rate:5m", "job:rate:5m"),
        ("2xx", "_xx"),
        ("température", "temp_rature"),
        ("__name__", "__name__"),
        ("😀", "_"),
        ("a b", "a_b"),
        ("a\u{0}b", "a_b"),
    ] {
        stage.amp.reset();
        stage.summary(body(&json!({"device": "d"}), &json!({metric: 1}))).await;
        assert_eq!(stage.stored(name, "d"), [(NOW_MS, 1.0)], "{metric}");
    }
}

#[tokio::test]
async fn names_that_escaping_makes_equal_make_the_event_invalid() {
    let one = json!({"m": 1});
    let bodies = [
        body(&json!({"a.b": "1", "a-b": "1"}), &one),
        body(&json!({"a.b": "1", "a_b": "2"}), &one),
        body(&json!({}), &json!({"m.x": 1, "m-x": 1})),
        body(&json!({}), &json!({"m.x": 1, "m_x": 2})),
        body(&json!({"--name--": "smuggled"}), &one),
    ];
    all_invalid(&mut Stage::start().await, &bodies).await;
}

#[tokio::test]
async fn reject_refuses_what_underscores_would_escape() {
    let mut stage = Setup::new().env("NAME_ESCAPING", "reject").start().await;
    let one = json!({"m": 1});
    let bodies = [
        body(&json!({"a.b": "1"}), &one),
        body(&json!({"a:b": "1"}), &one),
        body(&json!({"2a": "1"}), &one),
        body(&json!({}), &json!({"m.x": 1})),
        body(&json!({}), &json!({"9lives": 1})),
        body(&json!({}), &json!({"é": 1})),
    ];
    all_invalid(&mut stage, &bodies).await;
    assert_eq!(stage.summary(body(&json!({"a_b": "1"}), &json!({"job:rate": 1}))).await, [1, 1, 1, 1]);
    let (kind, message) = stage.error(body(&json!({"a.b": "1"}), &one)).await;
    assert!(kind == "InvalidEvent" && message.contains("a.b") && message.contains("dimensions"), "{message}");
}

#[tokio::test]
async fn underscores_is_the_default_and_can_be_said() {
    let mut stage = Setup::new().env("NAME_ESCAPING", "underscores").start().await;
    assert_eq!(labels(&mut stage, &json!({"a.b": "1"})).await, [r#"a_b="1""#]);
}

#[tokio::test]
async fn external_labels_are_on_every_series_and_an_events_own_label_wins() {
    let mut stage =
        Setup::new().env("EXTERNAL_LABELS", r#"{"env":"prod","app":"shop","zz":"9"}"#).start().await;
    assert_eq!(labels(&mut stage, &json!({})).await, [r#"app="shop""#, r#"env="prod""#, r#"zz="9""#]);
    assert_eq!(
        labels(&mut stage, &json!({"env": "test", "m": "1"})).await,
        [r#"app="shop""#, r#"env="test""#, r#"m="1""#, r#"zz="9""#]
    );
}

/// What the first and the second event say differs only in where the labels come from: one series, merged.
#[tokio::test]
async fn an_external_label_and_an_own_one_of_the_same_value_are_the_same_series() {
    let mut stage = Setup::new().env("EXTERNAL_LABELS", r#"{"device":"d"}"#).start().await;
    let event = |dimensions: Value, at: i64| json!({"dimensions": dimensions, "timestamp": NOW_MS + at, "metrics": {"m": at}});
    let events = json!([event(json!({}), 1), event(json!({"device": "d"}), 0)]);
    assert_eq!(stage.summary(events.to_string()).await, [2, 2, 1, 1]);
    assert_eq!(stage.stored("m", "d"), [(NOW_MS, 0.0), (NOW_MS + 1, 1.0)]);
}
