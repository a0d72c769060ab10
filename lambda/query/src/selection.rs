//! Selection: the elements of an answer → those that the caller gets, and how many are left out.
//!
//! A program gets what Prometheus said, byte for byte, up to what a Lambda answer may have. An agent gets little enough
//! for a model to read, with sample values as JSON numbers.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::compact::compact;
use crate::document::Document;
use crate::error::Error;

/// Lambda's quota for an answer is 6 MB (6,291,456 bytes) with all that is around the data.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const MAX_DATA_BYTES: usize = 6_000_000;

/// About 25,000 tokens: a good part of what a model can read, and enough for ten series of 250 points.
const MAX_AGENT_BYTES: usize = 64 * 1024;

/// Who reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A program or a person, who called the function.
    Program,
    /// A model, through an agent gateway.
    Agent,
}

/// How much of an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most elements.
    pub elements: usize,
    /// The most bytes of all elements.
    pub bytes: usize,
}

impl Audience {
    /// The limits with what the caller asked for, or else `for_agent` elements for an agent.
    pub fn limits(self, asked: Option<usize>, for_agent: usize) -> Limits {
        match self {
            Self::Program => Limits { elements: asked.unwrap_or(usize::MAX), bytes: MAX_DATA_BYTES },
            Self::Agent => Limits { elements: asked.unwrap_or(for_agent), bytes: MAX_AGENT_BYTES },
        }
    }
}

/// A JSON array that is being filled.
#[derive(Debug)]
pub struct Selection {
    array: String,
    taken: usize,
    limits: Limits,
}

/// What is said when something is left out.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Truncation {
    /// Always true.
    pub truncated: bool,
    /// How many elements are there.
    pub returned: usize,
    /// How many are not; `None` if there are more than were read.
    pub left_out: Option<usize>,
    /// How to ask for less.
    pub narrow: &'static str,
}

impl Selection {
    /// An empty array.
    pub fn new(limits: Limits) -> Self {
        Self { array: "[".to_owned(), taken: 0, limits }
    }

    /// Takes `element`, JSON, unless it is over a limit; then false.
    pub fn take(&mut self, element: &str) -> bool {
        let fits = self.taken < self.limits.elements && self.array.len() + element.len() < self.limits.bytes;
        if fits {
            if self.taken > 0 {
                self.array.push(',');
            }
            self.array.push_str(element);
            self.taken += 1;
        }
        fits
    }

    /// The JSON array.
    ///
    /// # Errors
    /// An element was no JSON.
    pub fn into_json(mut self) -> Result<Box<RawValue>, Error> {
        self.array.push(']');
        RawValue::from_string(self.array).map_err(|error| Error::Unreadable(error.to_string()))
    }
}

/// What is said of a query's result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QueryData<'a> {
    result_type: &'a str,
    result: Box<RawValue>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(flatten)]
    truncation: Option<Truncation>,
}

/// The `data` of an answer to a query: `resultType` and `result` as Prometheus gives them, its warnings, and what was
/// left out.
///
/// # Errors
/// The document is not one of a query.
pub fn query_data(
    document: &Document<'_>,
    limits: Limits,
    audience: Audience,
    narrow: &'static str,
) -> Result<String, Error> {
    // A scalar's two elements, its time and its value, are no series.
    let is_list = matches!(document.result_type.as_str(), "vector" | "matrix");
    let mut selection = Selection::new(if is_list { limits } else { Limits { elements: 2, ..limits } });
    let fits = |element: &&&RawValue| match audience {
        Audience::Program => selection.take(element.get()),
        Audience::Agent => selection.take(&compact(element.get())),
    };
    let returned = document.elements.iter().take_while(fits).count();
    let left_out = document.elements.len() - returned;
    let truncation = (left_out > 0 || !document.is_complete).then(|| Truncation {
        truncated: true,
        returned,
        left_out: document.is_complete.then_some(left_out),
        narrow,
    });
    let result = selection.into_json()?;
    to_json(&QueryData { result_type: &document.result_type, result, warnings: &document.notes, truncation })
}

/// `data` as JSON text.
///
/// # Errors
/// Never for what is made here: names are texts.
pub fn to_json(data: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(data).map_err(|error| Error::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NARROW: &str = "ask for less";

    fn body(series: usize) -> String {
        let series: Vec<_> =
            (0..series).map(|n| json!({"metric": {"n": n.to_string()}, "value": [1.5, "2"]})).collect();
        json!({"status": "success", "data": {"resultType": "vector", "result": series}}).to_string()
    }

    fn data(body: &str, limits: Limits, audience: Audience) -> Value {
        let document = Document::parse(body.as_bytes(), false).unwrap();
        serde_json::from_str(&query_data(&document, limits, audience, NARROW).unwrap()).unwrap()
    }

    #[test]
    fn a_program_gets_what_prometheus_said() {
        let limits = Audience::Program.limits(None, 50);
        let given = body(3);
        let expected: Value = serde_json::from_str(&given).unwrap();
        assert_eq!(data(&given, limits, Audience::Program), expected["data"]);
        for result in
            [r#"{"resultType":"scalar","result":[1,"NaN"]}"#, r#"{"resultType":"string","result":[1,"5"]}"#]
        {
            let given = format!("{{\"status\":\"success\",\"data\":{result}}}");
            assert_eq!(data(&given, limits, Audience::Program).to_string().len(), result.len());
        }
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let by_count = data(&body(5), Limits { elements: 2, bytes: 10_000 }, Audience::Program);
        assert_eq!(by_count["result"].as_array().unwrap().len(), 2);
        assert_eq!(
            (&by_count["truncated"], &by_count["returned"], &by_count["left_out"], &by_count["narrow"]),
            (&json!(true), &json!(2), &json!(3), &json!(NARROW))
        );
        let by_bytes = data(&body(100), Limits { elements: 1_000, bytes: 500 }, Audience::Program);
        let returned = by_bytes["result"].as_array().unwrap().len();
        assert!((5..20).contains(&returned), "{by_bytes}");
        assert_eq!(by_bytes["left_out"], 100 - returned);
    }

    #[test]
    fn of_a_body_cut_short_it_is_unknown_how_much_is_left_out() {
        let body = body(5);
        let document = Document::parse(&body.as_bytes()[..body.len() - 30], true).unwrap();
        let limits = Audience::Program.limits(None, 50);
        let data = query_data(&document, limits, Audience::Program, NARROW).unwrap();
        let data: Value = serde_json::from_str(&data).unwrap();
        assert_eq!((&data["truncated"], &data["left_out"]), (&json!(true), &Value::Null));
        assert_eq!(data["returned"], data["result"].as_array().unwrap().len());
    }

    #[test]
    fn an_agent_gets_no_more_than_a_model_can_read() {
        let limits = Audience::Agent.limits(None, 50);
        assert_eq!(data(&body(80), limits, Audience::Agent)["left_out"], 30);
        let asked = Audience::Agent.limits(Some(10_000), 50);
        let data = data(&body(10_000), asked, Audience::Agent);
        assert!(data["result"].to_string().len() <= MAX_AGENT_BYTES);
        assert_eq!(data["truncated"], true);
    }
}
