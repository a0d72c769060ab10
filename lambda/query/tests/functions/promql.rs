//! PromQL arrives unchanged, whatever its characters, through a stand-in that verifies every signature.

use serde_json::json;

use crate::cloud::Cloud;
use crate::support::{NOW_S, data, fixed_now};

/// Label values that are found only if each character arrives unchanged.
fn special_texts() -> Vec<String> {
    let printable: String = (' '..='~').collect();
    let mut texts: Vec<_> = printable.chars().map(|c| format!("<{c}>")).collect();
    texts.push(printable);
    let others = [
        "line\nbreak\ttab",
        "a%20b+c d",
        "%%41",
        "Größe 温度 🌡",
        "\u{301}\u{200d}\u{feff}x",
        "&=&=",
        "\\\\n",
    ];
    texts.extend(others.map(str::to_owned));
    texts
}

/// PromQL, "String literals": double and single quotes take escapes, backticks take none.
#[tokio::test]
async fn every_character_works_in_every_kind_of_literal() {
    let cloud = Cloud::at(fixed_now()).await;
    let texts = special_texts();
    let event = |(n, text): (usize, &String)| json!({"dimensions": {"text": text}, "timestamp": NOW_S * 1_000, "metrics": {"special": n}});
    cloud.write(&texts.iter().enumerate().map(event).collect()).await;
    let function = cloud.function("query");
    for (n, text) in texts.iter().enumerate() {
        let escaped = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
        let mut literals = vec![
            format!("\"{}\"", escaped.replace('"', "\\\"")),
            format!("'{}'", escaped.replace('\'', "\\'")),
        ];
        if !text.contains('`') {
            literals.push(format!("`{text}`"));
        }
        for literal in literals {
            let response = function.invoke(json!({"query": format!("special{{text={literal}}}")})).await;
            let result = &data(&response)["result"];
            assert_eq!(result.as_array().map(Vec::len), Some(1), "{literal}: {result}");
            assert_eq!(result[0]["metric"]["text"], json!(text), "{literal}");
            assert_eq!(result[0]["value"][1], json!(n.to_string()), "{literal}");
        }
    }
}

/// The padding makes the query too long for a URL.
#[tokio::test]
async fn every_character_works_in_a_form_body() {
    let cloud = Cloud::at(fixed_now()).await;
    let text: String = special_texts().concat();
    let event = json!({"dimensions": {"text": text}, "timestamp": NOW_S * 1_000, "metrics": {"special": 1}});
    cloud.write(&event).await;
    let literal = serde_json::to_string(&text).unwrap().replace("\\/", "/");
    let query = format!("special{{text={literal}}}{}", " ".repeat(5_000));
    let response = cloud.function("query").invoke(json!({"query": query})).await;
    assert_eq!(data(&response)["result"][0]["metric"]["text"], json!(text));
}
