//! Selection: the elements of an answer → those that the caller gets, and how many are left out.
//!
//! A program gets what Prometheus said, byte for byte, up to what a Lambda answer may have. An agent gets little enough
//! for a model to read, with sample values as JSON numbers, and of long series only every n-th point.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::compact::thinned;
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
    /// A program or a person, through API Gateway or a function URL.
    Http,
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
    /// Whether the answer is to be a text in JSON, where quotes take two bytes.
    pub in_text: bool,
}

impl Audience {
    /// The limits with what the caller asked for, or else `for_agent` elements for an agent.
    pub fn limits(self, asked: Option<usize>, for_agent: usize) -> Limits {
        match self {
            Self::Agent => {
                Limits { elements: asked.unwrap_or(for_agent), bytes: MAX_AGENT_BYTES, in_text: false }
            }
            Self::Program | Self::Http => Limits {
                elements: asked.unwrap_or(usize::MAX),
                bytes: MAX_DATA_BYTES,
                in_text: self == Self::Http,
            },
        }
    }
}

/// A JSON array that is being filled.
#[derive(Debug)]
pub struct Selection {
    array: String,
    taken: usize,
    bytes: usize,
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
        Self { array: "[".to_owned(), taken: 0, bytes: 1, limits }
    }

    /// Takes `element`, JSON, unless it is over a limit; then false.
    pub fn take(&mut self, element: &str) -> bool {
        let bytes = if self.limits.in_text { text_size(element) } else { element.len() };
        let fits = self.taken < self.limits.elements && self.bytes + bytes < self.limits.bytes;
        if fits {
            self.bytes += bytes + 1;
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

/// The bytes of `json` within a text of JSON: quotes, backslashes and line breaks are escaped.
fn text_size(json: &str) -> usize {
    json.len() + json.bytes().filter(|byte| matches!(byte, b'"' | b'\\' | ..b' ')).count()
}

/// What is said of a query's result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QueryData<'a> {
    result_type: &'a str,
    result: Box<RawValue>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    infos: &'a [String],
    #[serde(flatten)]
    truncation: Option<Truncation>,
    /// `n` if only every n-th point of each series is there.
    #[serde(rename = "every_nth_point", skip_serializing_if = "Option::is_none")]
    nth: Option<usize>,
}

/// The `data` of an answer to a query: `resultType` and `result` as Prometheus gives them, its warnings and infos, and
/// what was left out.
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
    let limits = if is_list { limits } else { Limits { elements: 2, ..limits } };
    let mut selection = Selection::new(limits);
    let elements = document.elements.iter().map(|element| element.get());
    let (returned, nth) = match audience {
        Audience::Program | Audience::Http => (elements.take_while(|json| selection.take(json)).count(), 1),
        Audience::Agent => {
            let (series, nth) = thinned(elements.take(limits.elements), limits.bytes);
            (series.iter().take_while(|series| selection.take(&series.json(nth))).count(), nth)
        }
    };
    let nth = Some(nth).filter(|nth| *nth > 1);
    let left_out = document.elements.len() - returned;
    let truncation = (left_out > 0 || nth.is_some() || !document.is_complete).then(|| Truncation {
        truncated: true,
        returned,
        left_out: document.is_complete.then_some(left_out),
        narrow,
    });
    to_json(&QueryData {
        result_type: &document.result_type,
        result: selection.into_json()?,
        warnings: &document.warnings,
        infos: &document.infos,
        truncation,
        nth,
    })
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
        let by_count =
            data(&body(5), Limits { elements: 2, bytes: 10_000, in_text: false }, Audience::Program);
        assert_eq!(by_count["result"].as_array().unwrap().len(), 2);
        assert_eq!(
            (&by_count["truncated"], &by_count["returned"], &by_count["left_out"], &by_count["narrow"]),
            (&json!(true), &json!(2), &json!(3), &json!(NARROW))
        );
        let by_bytes =
            data(&body(100), Limits { elements: 1_000, bytes: 500, in_text: false }, Audience::Program);
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

    #[test]
    fn an_agent_gets_every_nth_point_of_a_long_series() {
        let values: Vec<_> = (0..11_000).map(|at| json!([1_700_000_000 + at, "0.125"])).collect();
        let series =
            [json!({"metric": {"n": "0"}, "values": values}), json!({"metric": {"n": "1"}, "values": []})];
        let body =
            json!({"status": "success", "data": {"resultType": "matrix", "result": series}}).to_string();
        let data = data(&body, Audience::Agent.limits(None, 50), Audience::Agent);
        let nth = data["every_nth_point"].as_u64().unwrap();
        let kept = data["result"][0]["values"].as_array().unwrap();
        assert!(nth > 1 && kept.len() == usize::try_from(11_000_u64.div_ceil(nth)).unwrap(), "{nth}");
        assert_eq!(kept[kept.len() - 1], json!([1_700_010_999, 0.125]));
        assert!((MAX_AGENT_BYTES / 2..MAX_AGENT_BYTES).contains(&data["result"].to_string().len()));
        assert_eq!(
            (&data["truncated"], &data["returned"], &data["left_out"]),
            (&json!(true), &json!(2), &json!(0))
        );
    }

    /// Lambda counts the bytes of the answer, where the text of a body has a backslash before every quote.
    #[test]
    fn an_answer_that_is_a_text_has_room_for_its_escapes() {
        let (body, data) =
            (body(150_000), |body: &str, audience: Audience| data(body, audience.limits(None, 50), audience));
        let (program, http) = (data(&body, Audience::Program), data(&body, Audience::Http));
        let size = serde_json::to_string(&http["result"].to_string()).unwrap().len();
        assert!((MAX_DATA_BYTES - 200..MAX_DATA_BYTES).contains(&size), "{size}");
        assert!(program["returned"].as_u64() > http["returned"].as_u64());
        for json in [r#"{"a":"\\\"\u0000"}"#, "[1,\n\t2]", "\"é\""] {
            assert_eq!(text_size(json) + 2, serde_json::to_string(json).unwrap().len(), "{json}");
        }
    }
}
