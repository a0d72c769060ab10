//! Parses `batchItemFailures` of a function's response (Lambda Developer Guide, "Handling errors for an SQS event source in
//! Lambda", success and failure conditions).

use std::collections::BTreeSet;

use serde_json::Value;

/// A response that fails the whole batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum MalformedResponse {
    #[error("the response is not the JSON of an object")]
    NotAnObject,
    #[error("`batchItemFailures` is not a list")]
    NotAList,
    /// The key is missing or misspelt, or its value is null or of another type.
    #[error("item {at} of `batchItemFailures` has no `itemIdentifier`")]
    NoIdentifier { at: usize },
    #[error("the `itemIdentifier` of item {at} of `batchItemFailures` is empty")]
    EmptyIdentifier { at: usize },
    #[error("the `itemIdentifier` of item {at} of `batchItemFailures` is not in the batch")]
    UnknownIdentifier { at: usize },
}

/// The ids of the messages that failed, all of them in `batch`.
///
/// # Errors
/// The response has one of the errors for which Lambda fails the whole batch.
pub(super) fn failed_items(
    response: &[u8],
    batch: &BTreeSet<&str>,
) -> Result<BTreeSet<String>, MalformedResponse> {
    if response.is_empty() {
        return Ok(BTreeSet::new());
    }
    let object = match serde_json::from_slice(response) {
        Ok(Value::Object(object)) => object,
        Ok(Value::Null) => return Ok(BTreeSet::new()),
        Ok(Value::String(text)) if text.is_empty() => return Ok(BTreeSet::new()),
        Ok(_) | Err(_) => return Err(MalformedResponse::NotAnObject),
    };
    let items = match object.get("batchItemFailures") {
        None | Some(Value::Null) => return Ok(BTreeSet::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(MalformedResponse::NotAList),
    };
    (0..).zip(items).map(|(at, item)| failed_item(at, item, batch)).collect()
}

fn failed_item(at: usize, item: &Value, batch: &BTreeSet<&str>) -> Result<String, MalformedResponse> {
    let id = item.get("itemIdentifier").and_then(Value::as_str);
    match id.ok_or(MalformedResponse::NoIdentifier { at })? {
        "" => Err(MalformedResponse::EmptyIdentifier { at }),
        id if batch.contains(id) => Ok(id.to_owned()),
        _ => Err(MalformedResponse::UnknownIdentifier { at }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::MalformedResponse::{EmptyIdentifier, NoIdentifier, NotAList, NotAnObject, UnknownIdentifier};
    use super::*;

    fn failed(response: &str) -> Result<Vec<String>, MalformedResponse> {
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
            assert_eq!(failed(response), Ok(vec![]), "{response}");
        }
    }

    /// "Lambda treats a batch as a complete failure if your function returns any of the following".
    #[test]
    fn faulty_responses_are_complete_failures() {
        for (response, expected) in [
            ("{", NotAnObject),
            ("{} {}", NotAnObject),
            ("\u{feff}", NotAnObject),
            ("[]", NotAnObject),
            ("true", NotAnObject),
            (r#""OK""#, NotAnObject),
            (r#"{"batchItemFailures":{}}"#, NotAList),
            (r#"{"batchItemFailures":"id1"}"#, NotAList),
            (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, EmptyIdentifier { at: 0 }),
            (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, NoIdentifier { at: 0 }),
            (r#"{"batchItemFailures":[{"itemIdentifier":"id1"},{"itemId":"id2"}]}"#, NoIdentifier { at: 1 }),
            (r#"{"batchItemFailures":[{"ItemIdentifier":"id1"}]}"#, NoIdentifier { at: 0 }),
            (r#"{"batchItemFailures":["id1"]}"#, NoIdentifier { at: 0 }),
            (r#"{"batchItemFailures":[{"itemIdentifier":"id6"}]}"#, UnknownIdentifier { at: 0 }),
            (r#"{"batchItemFailures":[{"itemIdentifier":"ID1"}]}"#, UnknownIdentifier { at: 0 }),
        ] {
            assert_eq!(failed(response), Err(expected), "{response}");
        }
    }

    /// The guide's example: "make messages `id2` and `id4` visible again".
    #[test]
    fn the_listed_messages_are_those_that_failed() {
        let response = r#"{"batchItemFailures":[{"itemIdentifier":"id4"},{"itemIdentifier":"id2"}]}"#;
        assert_eq!(failed(response), Ok(vec!["id2".to_owned(), "id4".to_owned()]));
        let twice = r#"{"batchItemFailures":[{"itemIdentifier":"id2"},{"itemIdentifier":"id2"}]}"#;
        assert_eq!(failed(twice), Ok(vec!["id2".to_owned()]));
    }

    proptest! {
        /// The listed ids failed, and no others; one unknown id fails the whole batch.
        #[test]
        fn the_failed_are_the_listed(
            listed in prop::collection::vec(0..20_usize, 0..30),
            batch_size in 1..20_usize,
        ) {
            let ids: Vec<_> = (0..batch_size).map(|at| format!("m{at}")).collect();
            let batch: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
            let items: Vec<_> = listed.iter().map(|at| json!({ "itemIdentifier": format!("m{at}") })).collect();
            let response = json!({ "batchItemFailures": items }).to_string();
            let expected: BTreeSet<_> = listed.iter().map(|at| format!("m{at}")).collect();
            match failed_items(response.as_bytes(), &batch) {
                Ok(failed) => prop_assert_eq!(failed, expected),
                Err(_) => prop_assert!(listed.iter().any(|at| *at >= batch_size)),
            }
        }

        #[test]
        fn no_response_is_too_strange(response in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = failed_items(&response, &BTreeSet::from(["id"]));
        }
    }
}
