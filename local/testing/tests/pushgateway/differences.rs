//! The list of the allowed differences, which the README of the gateway has as well.

use crate::requests::Request;
use crate::server::Answer;

/// A difference that is meant.
pub(crate) struct Difference {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    /// Whether it is the cause of these two answers, theirs and ours.
    pub(crate) explains: fn(&Request, &Answer, &Answer) -> bool,
}

/// In the order of the README.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "A push is answered 202",
        reason: "All versions of all clients take it for a success",
        explains: |_, theirs, ours| theirs.status == 200 && ours.status == 202,
    },
    Difference {
        name: "Timestamps are accepted",
        reason: "A sample keeps its own time, and AMP decides whether that is too old",
        explains: |_, theirs, ours| {
            theirs.body.contains("must not have timestamps")
                && (ours.status == 202 || ours.body.contains("timestamp too old"))
        },
    },
    Difference {
        name: "Groups are not compared",
        reason: "A type or a help text may differ from that of another group, because no group is stored",
        explains: |request, theirs, ours| {
            request.continues && theirs.body.contains(" is not a ") && ours.status == 202
        },
    },
    Difference {
        name: "No path is redirected",
        reason: "Some clients take a redirect for a success; the path is read as it is",
        explains: |_, theirs, _| matches!(theirs.status, 301 | 307),
    },
    Difference {
        name: "An encoded slash belongs to its value",
        reason: "`%2F` is how prom-client sends it; a Pushgateway divides the path there",
        explains: |request, _, _| request.target.contains("%2F"),
    },
    Difference {
        name: "An empty job is 400",
        reason: "`/metrics/job@base64/` is 404 with a Pushgateway",
        explains: |_, theirs, ours| theirs.status == 404 && ours.body == "job name is required\n",
    },
    Difference {
        name: "A path that is not UTF-8 has one error",
        reason: "A Pushgateway reports each metric",
        explains: |_, theirs, ours| {
            theirs.body.contains("is not utf8") && ours.body.contains("is not valid UTF-8")
        },
    },
    Difference {
        name: "Text that is not UTF-8 has U+FFFD",
        reason: "Lambda replaces the bytes before the gateway has them",
        explains: |request, _, _| {
            std::str::from_utf8(&request.body).is_err() && has_type(request, "text/plain")
        },
    },
    Difference {
        name: "Names of any characters are accepted",
        reason: "AMP takes letters, digits and `_`; other characters become `_`",
        explains: |_, theirs, _| {
            [r#"invalid metric name ""#, r#"invalid label name ""#]
                .iter()
                .any(|text| theirs.body.contains(text))
        },
    },
    Difference {
        name: "OpenMetrics is read as OpenMetrics",
        reason: "A Pushgateway reads it as the text format, so that counters are untyped and exemplars are errors",
        explains: |request, _, _| has_type(request, "openmetrics"),
    },
    Difference {
        name: "Protobuf needs no parameter `encoding`",
        reason: "A Pushgateway reads it as text then",
        explains: |request, theirs, ours| {
            has_type(request, "vnd.google.protobuf")
                && theirs.body.starts_with("text format")
                && ours.status == 202
        },
    },
    Difference {
        name: "Errors of protobuf have the number of the message",
        reason: "They are those of another library",
        explains: |_, theirs, ours| theirs.status == 400 && ours.body.starts_with("protobuf parsing error"),
    },
    Difference {
        name: "Protobuf without a name or of an unknown type is 400",
        reason: "A Pushgateway takes it and shows metrics that Prometheus cannot read",
        explains: |_, theirs, ours| theirs.status == 200 && ours.body.starts_with("protobuf parsing error"),
    },
    Difference {
        name: "A protobuf family twice is 400",
        reason: "A Pushgateway keeps the last one",
        explains: |_, theirs, ours| theirs.status == 200 && ours.body.contains("was collected before"),
    },
    Difference {
        name: "Compression is recognized by its first bytes",
        reason: "API Gateway decompresses bodies and leaves the header; the errors are those of another library",
        explains: |request, _, ours| {
            let has_encoding = request.headers.iter().any(|(name, _)| name == "Content-Encoding");
            has_encoding && (ours.status == 202 || ours.body.starts_with("expected a body in "))
        },
    },
    Difference {
        name: "The limits of AMP apply",
        reason: "A name of a label has at most 1,024 bytes, for example; the error is that of AMP",
        explains: |_, theirs, ours| theirs.status == 200 && ours.body.contains("the receiver answered 400"),
    },
    Difference {
        name: "Three rare errors have other texts",
        reason: "`GET /-/quit`, a label without `=`, and a metric that lacks the value of its type",
        explains: |request, theirs, ours| {
            let cases = ["GET /-/quit", "text: no equals sign", "protobuf: a gauge of type counter"];
            theirs.status == ours.status && cases.contains(&&*request.case)
        },
    },
];

fn has_type(request: &Request, content_type: &str) -> bool {
    request.headers.iter().any(|(name, value)| name == "Content-Type" && value.contains(content_type))
}
