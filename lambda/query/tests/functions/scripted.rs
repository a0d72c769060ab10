//! Answers and requests of the scripted server in the terms of the APIs that the functions read.

pub(crate) use local_testing::scripted::{Answer, Request, ScriptedServer};

/// A body that is announced as JSON, whatever it is.
pub(crate) fn json_text(status: u16, text: impl Into<String>) -> Answer {
    Answer::new(status, text.into()).header("content-type", "application/json")
}

/// An empty vector.
pub(crate) fn empty() -> Answer {
    json_text(200, r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#)
}

/// The value of a parameter in the URL or in the form body, decoded by the rules of the URL standard.
pub(crate) fn parameter(request: &Request, name: &str) -> Option<String> {
    let text = request.text();
    let form = if request.method == "POST" {
        text.as_str()
    } else {
        request.target.split_once('?').map_or("", |(_, query)| query)
    };
    form_urlencoded::parse(form.as_bytes()).find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}
