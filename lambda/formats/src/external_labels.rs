//! Reads external labels, which an operator sets for every series, from a JSON object of strings.

use std::borrow::Cow;

use remote_write::{Collision, InvalidName, LabelName, Labels, NameEscaping};

use crate::members::Members;
use crate::text::truncated;

/// The reason why a text is not a set of external labels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLabels {
    /// Not a JSON object of strings.
    #[error("expected a JSON object of strings such as {{\"env\":\"prod\"}}: {0}")]
    Json(String),
    /// An invalid name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A duplicate name.
    #[error("duplicate label {0:?}")]
    Duplicate(String),
}

/// Reads external labels. Labels with an empty value are left out.
///
/// # Errors
/// [`InvalidLabels`]: the first mistake.
pub fn external_labels(json: &str) -> Result<Labels<'static>, InvalidLabels> {
    let Members::<String, String>(labels) =
        serde_json::from_str(json).map_err(|error| InvalidLabels::Json(truncated(&error.to_string())))?;
    let labels: Result<Vec<_>, InvalidName> = labels
        .into_iter()
        // An operator can correct a name, so none is escaped.
        .map(|(name, value)| Ok((LabelName::new(name, NameEscaping::Reject)?, Cow::Owned(value))))
        .collect();
    Labels::new(labels?).map_err(|Collision { escaped, .. }| InvalidLabels::Duplicate(escaped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_have_values() {
        let labels = external_labels(r#" {"team":"a b","env":"prod","zone":""} "#).unwrap();
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("env", "prod"), ("team", "a b")]);
        assert_eq!(external_labels("{}").unwrap(), Labels::default());
    }

    #[test]
    fn invalid_labels_are_rejected_on_one_line() {
        let object = "expected a JSON object of strings such as {\"env\":\"prod\"}: ";
        for (json, expected) in [
            ("env=prod", object),
            (r#"{"a":1}"#, object),
            (r#"["a"]"#, object),
            (r#"{"a":"1"} x"#, object),
            (r#"{"a.b":"1"}"#, "name \"a.b\" does not match [a-zA-Z_][a-zA-Z0-9_]*"),
            (r#"{"":"1"}"#, "name is empty"),
            (r#"{"__name__":"1"}"#, "label `__name__` is reserved"),
            (r#"{"a":"1","a":"2"}"#, "duplicate label \"a\""),
            (r#"{"a":"1","\u0061":"1"}"#, "duplicate label \"a\""),
        ] {
            let message = external_labels(json).expect_err(json).to_string();
            assert!(message.starts_with(expected), "{json}: {message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
        let long = format!("\"{}\"", "x".repeat(4_000));
        assert!(external_labels(&long).unwrap_err().to_string().len() < 200);
    }
}
