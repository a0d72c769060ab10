//! What an instant query returns.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::stage::Stage;

pub(crate) type Labels = BTreeMap<String, String>;

/// The labels of a series, with `le` as most clients write it.
pub(crate) fn labels(series: &Value) -> Labels {
    let mut labels: Labels = serde_json::from_value(series["metric"].clone()).expect("labels are texts");
    if let Some(le) = labels.get_mut("le")
        && let Some(whole) = le.strip_suffix(".0")
    {
        *le = whole.to_owned();
    }
    labels
}

/// The value of a series of floats.
pub(crate) fn value(series: &Value) -> f64 {
    number(&series["value"][1])
}

/// A number, which Prometheus writes as a text.
fn number(value: &Value) -> f64 {
    value.as_str().and_then(|value| value.parse().ok()).expect("a number")
}

/// Checks type and help of metric families.
pub(crate) async fn check_metadata(
    stage: &Stage,
    families: impl IntoIterator<Item = (String, &'static str, &'static str)>,
) {
    let metadata = stage.get("metadata").await;
    for (family, of_type, help) in families {
        let stored = &metadata[&family][0];
        assert_eq!(
            (&stored["type"], &stored["help"]),
            (&json!(of_type), &json!(help)),
            "{family}: {metadata}"
        );
    }
}

/// Checks that a series of native histograms has observed these values: one in each bucket that is not empty.
pub(crate) fn check_native(series: &Value, observed: &[f64]) {
    let histogram = &series["histogram"][1];
    let sum: f64 = observed.iter().sum();
    assert_eq!(
        (&histogram["count"], &histogram["sum"]),
        (&json!(observed.len().to_string()), &json!(sum.to_string()))
    );
    let buckets = histogram["buckets"].as_array().expect("buckets");
    let is_around = |bucket: &Value, value: f64| {
        number(&bucket[1]) < value && value <= number(&bucket[2]) && bucket[3] == "1"
    };
    assert!(
        buckets.len() == observed.len()
            && buckets.iter().zip(observed).all(|(bucket, value)| is_around(bucket, *value)),
        "{buckets:?}"
    );
}
