//! Each MUST and SHOULD of a sender, in the order of the specifications, and how it is checked.

use super::checks::*;
use super::evidence::Evidence;

pub(crate) struct Rule {
    /// The section of the specification.
    pub(crate) section: &'static str,
    /// MUST, MUST NOT, SHOULD or SHOULD NOT.
    pub(crate) level: &'static str,
    pub(crate) text: &'static str,
    pub(crate) test: Test,
}

pub(crate) enum Test {
    Check(fn(&Evidence) -> Result<(), String>),
    /// Checks what the gateway does otherwise; the reason.
    Differs(fn(&Evidence) -> Result<(), String>, &'static str),
    /// The clause that makes it so.
    NotApplicable(&'static str),
}

const fn rule(
    section: &'static str,
    level: &'static str,
    text: &'static str,
    check: fn(&Evidence) -> Result<(), String>,
) -> Rule {
    Rule { section, level, text, test: Test::Check(check) }
}

const fn no_rule(
    section: &'static str,
    level: &'static str,
    text: &'static str,
    clause: &'static str,
) -> Rule {
    Rule { section, level, text, test: Test::NotApplicable(clause) }
}

const fn other_rule(
    section: &'static str,
    level: &'static str,
    text: &'static str,
    check: fn(&Evidence) -> Result<(), String>,
    reason: &'static str,
) -> Rule {
    Rule { section, level, text, test: Test::Differs(check, reason) }
}

/// RFC 9110, 15.5.9.
const AFTER_408: &str =
    "a client may repeat a request that was answered 408 (RFC 9110, 15.5.9), so it is sent again";

/// Remote write 1.0.
pub(crate) const VERSION_1: &[Rule] = &[
    rule("Protocol", "MUST", "send a WriteRequest of the schema in protobuf", messages_are_of_the_schema),
    rule("Protocol", "MUST", "send it as the body of a POST to the URL", requests_are_posts_to_the_url),
    rule("Protocol", "MUST", "write timestamps in milliseconds", timestamps_are_milliseconds),
    rule("Protocol", "MUST", "write values as float64", values_are_exact),
    rule("Protocol", "MUST", "send Content-Encoding: snappy", the_encoding_is_snappy),
    rule("Protocol", "MUST", "send Content-Type: application/x-protobuf", the_type_is_of_1),
    rule("Protocol", "MUST", "send a User-Agent", the_user_agent_has_name_and_version),
    rule("Protocol", "MUST", "send the version 0.1.0", the_version_is_0_1_0),
    rule("Protocol", "MUST NOT", "let users set these headers", clients_do_not_set_headers),
    rule("Protocol", "MUST", "compress in the block format of snappy", bodies_are_blocks),
    rule("Protocol", "MUST NOT", "compress in the framed format of snappy", bodies_are_blocks),
    other_rule(
        "Protocol",
        "MUST",
        "ignore the body of a success",
        a_success_with_a_body_is_an_error,
        "receivers SHOULD send none, and one of 1.0 has no other sign by which a wrong URL that answers 200 is found: the \
         client gets 503, and sends the samples again",
    ),
    rule("Compatibility", "MUST", "send the version in a header", the_version_is_0_1_0),
    no_rule(
        "Compatibility",
        "MUST",
        "begin with an empty request of 1.x if another version may follow",
        "this suite writes 1.0 only; section Content-Type of 2.0 replaces the negotiation",
    ),
    rule("Labels", "MUST", "send all labels with each sample", all_labels_are_stored),
    rule("Labels", "SHOULD", "send a label __name__", series_have_a_name),
    rule("Labels", "MUST NOT", "repeat a label name", label_names_are_unique),
    rule("Labels", "MUST", "sort label names", label_names_ascend),
    rule("Labels", "MUST NOT", "send empty names or values", no_label_is_empty),
    rule("Labels", "MUST", "send valid names of metrics", metric_names_are_valid),
    rule("Labels", "MUST", "send valid names of labels", label_names_are_valid),
    rule("Labels", "SHOULD NOT", "use names of labels that begin with __", no_label_is_reserved),
    rule("Labels", "MUST NOT", "interpret an error message", error_messages_are_not_interpreted),
    rule("Labels", "SHOULD", "log an error message as it is", error_messages_are_logged),
    rule("Ordering", "MUST", "send samples of a series in the order of time", samples_ascend_over_requests),
    rule("Retries & Backoff", "MUST", "retry on 5xx", requests_are_sent_again_after_5xx),
    rule("Retries & Backoff", "MUST", "use a backoff", the_wait_grows),
    rule("Retries & Backoff", "MUST NOT", "retry on 2xx", requests_are_not_sent_again_after_2xx),
    rule(
        "Retries & Backoff",
        "MUST NOT",
        "retry on 4xx other than 408 and 429",
        requests_are_not_sent_again_after_4xx,
    ),
    other_rule("Retries & Backoff", "MUST NOT", "retry on 408", requests_are_sent_again_after_408, AFTER_408),
    no_rule(
        "Stale Markers",
        "MUST",
        "send one when a series ends",
        "Out of Scope, Push-based Prometheus: the gateway cannot detect this; markers of its clients are passed on",
    ),
    rule("Stale Markers", "MUST", "send 0x7ff0000000000002", a_stale_marker_has_its_bits),
    rule("Stale Markers", "MUST NOT", "send this value otherwise", a_measured_nan_is_not_the_marker),
    rule(
        "Out of Scope, HTTP Path",
        "MUST",
        "write to the path that is configured",
        requests_are_posts_to_the_url,
    ),
    rule(
        "Out of Scope, Sharding",
        "MUST",
        "keep the order of a series in parallel requests",
        no_series_is_in_two_requests_at_once,
    ),
];

/// Remote write 2.0.
pub(crate) const VERSION_2: &[Rule] = &[
    rule("Protocol", "MUST", "send messages in protobuf, compressed", messages_are_of_the_schema),
    rule("Protocol", "MUST", "send one of the two messages", messages_are_of_the_schema),
    rule("Protocol", "MUST", "support io.prometheus.write.v2.Request", messages_are_of_2),
    rule(
        "Protocol",
        "SHOULD",
        "send it when possible, WriteRequest for compatibility only",
        messages_are_of_2,
    ),
    rule("Protocol", "MUST", "use the binary format", messages_are_of_the_schema),
    rule("Protocol", "MUST", "compress in the block format of snappy", bodies_are_blocks),
    rule("Protocol", "MUST NOT", "compress in the framed format of snappy", bodies_are_blocks),
    rule("Protocol", "MUST", "send a POST to the URL", requests_are_posts_to_the_url),
    rule("Protocol", "MUST", "send the four reserved headers, once", reserved_headers_are_there_once),
    rule("Protocol", "MUST NOT", "let users set these headers", clients_do_not_set_headers),
    rule("Content-Encoding", "MUST", "send snappy", the_encoding_is_snappy),
    rule("Content-Type", "MUST", "send application/x-protobuf only, with a known message", the_type_is_of_2),
    rule("Content-Type", "SHOULD", "name io.prometheus.write.v2.Request", the_type_is_of_2),
    rule("Content-Type", "SHOULD", "send application/x-protobuf to receivers of 1.x", a_fallback_is_of_1),
    rule("Version", "MUST", "send 0.1.0 to receivers of 1.x", a_fallback_is_of_1),
    rule("Version", "SHOULD", "send the newest version, 2.0.0", the_version_is_2_0_0),
    rule("User-Agent", "MUST", "send one", the_user_agent_has_name_and_version),
    rule("User-Agent", "SHOULD", "follow RFC 9110", the_user_agent_has_name_and_version),
    rule("Response", "MUST", "ignore the body of a success", the_body_of_a_success_is_ignored),
    rule("Response", "MUST NOT", "interpret an error message", error_messages_are_not_interpreted),
    rule("Response", "SHOULD", "log an error message as it is", error_messages_are_logged),
    rule(
        "Written Response Headers",
        "MUST NOT",
        "take missing headers for 0 in answers to WriteRequest",
        a_fallback_needs_no_written_headers,
    ),
    rule(
        "Written Response Headers",
        "SHOULD",
        "take a success without them for 415",
        a_success_without_written_headers_is_a_415,
    ),
    rule(
        "Written Response Headers",
        "MUST NOT",
        "conclude the receiver's version from headers of the answer",
        the_version_in_an_answer_is_ignored,
    ),
    rule("Partial Write", "SHOULD", "send several series in a request", requests_have_several_series),
    rule("Unsupported Request Content", "SHOULD", "expect 400 from receivers of 1.x", a_first_400_falls_back),
    rule(
        "Invalid Samples",
        "MUST NOT",
        "retry on 4xx other than 408 and 429",
        requests_are_not_sent_again_after_4xx,
    ),
    other_rule("Invalid Samples", "MUST NOT", "retry on 408", requests_are_sent_again_after_408, AFTER_408),
    rule("Retries & Backoff", "MUST", "retry on 5xx", requests_are_sent_again_after_5xx),
    rule("Retries & Backoff", "MUST", "use a backoff", the_wait_grows),
    rule("Message", "MUST", "write timestamps in milliseconds", timestamps_are_milliseconds),
    rule("Message", "MUST", "write values as float64", values_are_exact),
    rule("Message", "MUST", "give each series its labels", series_have_a_name),
    rule("Message", "MUST", "give each series a sample or a histogram", series_have_samples_or_histograms),
    rule("Message", "MUST NOT", "give a series both", series_have_samples_or_histograms),
    rule(
        "Message",
        "MUST",
        "send floats and histograms of one label set as two series",
        series_have_samples_or_histograms,
    ),
    rule("Message", "SHOULD", "send metadata", series_have_metadata),
    no_rule(
        "Message",
        "SHOULD",
        "send exemplars",
        "Amazon Managed Service for Prometheus stores none, so the gateway counts and drops them",
    ),
    rule("Symbols", "MUST", "send a table without duplicates", symbols_are_unique),
    rule("Symbols", "MUST", "begin it with an empty string", the_first_symbol_is_empty),
    rule("Symbols", "MUST", "refer to strings in the table", messages_are_of_2),
    rule("Series Labels", "MUST", "send all labels with each sample", all_labels_are_stored),
    rule("Series Labels", "SHOULD", "send a label __name__", series_have_a_name),
    rule("Series Labels", "MUST NOT", "repeat a label name", label_names_are_unique),
    rule("Series Labels", "MUST", "sort label names", label_names_ascend),
    rule("Series Labels", "MUST NOT", "send empty names or values", no_label_is_empty),
    rule("Series Labels", "MUST", "send UTF-8", all_labels_are_stored),
    rule("Series Labels", "SHOULD", "send valid names of metrics", metric_names_are_valid),
    rule("Series Labels", "SHOULD", "send valid names of labels", label_names_are_valid),
    rule("Series Labels", "SHOULD NOT", "use names of labels that begin with __", no_label_is_reserved),
    rule("Samples", "MUST", "send samples of a series in the order of time", samples_ascend_over_requests),
    rule("Samples", "SHOULD", "send start timestamps of counters and histograms", counters_have_their_start),
    no_rule(
        "Samples",
        "MUST",
        "write 1 or -1 for a start at 0",
        "in OTLP and remote write, 0 is that it is not set",
    ),
    no_rule(
        "Samples",
        "SHOULD",
        "send a stale marker when a series ends",
        "Out of Scope, Push-based Prometheus: the gateway cannot detect this; markers of its clients are passed on",
    ),
    no_rule(
        "Samples",
        "MUST",
        "send one if the end can be detected, as by scrapes and rules",
        "the gateway neither scrapes nor evaluates rules",
    ),
    rule("Samples", "MUST", "send 0x7ff0000000000002 as stale marker", a_stale_marker_has_its_bits),
    rule("Samples", "MUST NOT", "send this value otherwise", a_measured_nan_is_not_the_marker),
    no_rule(
        "Metadata",
        "SHOULD",
        "follow Prometheus's guidelines for type and help",
        "the guidelines are for those who write exporters; the gateway passes on what they write",
    ),
    no_rule("Exemplars", "MUST", "have a value", "no exemplars are sent: see the rule on exemplars"),
    no_rule("Exemplars", "MUST", "have a timestamp", "no exemplars are sent: see the rule on exemplars"),
    no_rule(
        "Exemplars",
        "SHOULD",
        "name a trace trace_id",
        "no exemplars are sent: see the rule on exemplars",
    ),
];
