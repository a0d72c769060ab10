//! Parses `batchItemFailures` of a function's response (Lambda Developer Guide, "Handling errors for an SQS event source in
//! Lambda", success and failure conditions).

use std::collections::BTreeSet;

use serde_json::Value;

/// The ids of the messages that failed, all of them in `batch`; `None` if Lambda fails the whole batch for this response.
pub(super) fn failed_items(response: &[u8], batch: &BTreeSet<&str>) -> Option<BTreeSet<String>> {
    if response.is_empty() {
        return Some(BTreeSet::new());
    }
    let items = match serde_json::from_slice(response).ok()? {
        Value::Object(mut object) => object.remove("batchItemFailures").unwrap_or_default(),
        Value::String(text) if text.is_empty() => Value::Null,
        Value::Null => Value::Null,
        _ => return None,
    };
    let failed_item = |item: &Value| {
        let id = item.get("itemIdentifier")?.as_str()?;
        batch.contains(id).then(|| id.to_owned())
    };
    match items {
        Value::Null => Some(BTreeSet::new()),
        Value::Array(items) => items.iter().map(failed_item).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(response: &str) -> Option<Vec<String>> {
        let batch = BTreeSet::from(["id1", "id2", "id3", "id4", "id5"]);
        failed_items(response.as_bytes(), &batch).map(|ids| ids.into_iter().collect())
    }

    /// "Lambda treats a batch as a complete success if your function returns any of the following".
    #[test]
    fn empty_and_null_lists_and_responses_are_complete_successes() {
        for response in [
            r#"{"batchItemFailures":[]}"#,
            r#"{"batchItemFailures":null}"#,
            "{}",
            r#"{"other":1}"#,
            "null",
            "",
            r#""""#,
        ] {
            assert_eq!(failed(response), Some(vec![]), "{response}");
        }
    }

    /// "Lambda treats a batch as a complete failure if your function returns any of the following".
    #[test]
    fn faulty_responses_are_complete_failures() {
        for response in [
            "{",
            "{} {}",
            "\u{feff}",
            "[]",
            "true",
            r#""OK""#,
            r#"{"batchItemFailures":{}}"#,
            r#"{"batchItemFailures":"id1"}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"id1"},{"itemId":"id2"}]}"#,
            r#"{"batchItemFailures":[{"ItemIdentifier":"id1"}]}"#,
            r#"{"batchItemFailures":["id1"]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"id6"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"ID1"}]}"#,
        ] {
            assert_eq!(failed(response), None, "{response}");
        }
    }

    /// The guide's example: "make messages `id2` and `id4` visible again".
    #[test]
    fn the_listed_messages_are_those_that_failed() {
        let response = r#"{"batchItemFailures":[{"itemIdentifier":"id4"},{"itemIdentifier":"id2"},{"itemIdentifier":"id2"}]}"#;
        assert_eq!(failed(response), Some(vec!["id2".to_owned(), "id4".to_owned()]));
    }
}
