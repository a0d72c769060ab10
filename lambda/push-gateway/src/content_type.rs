//! The content types of the formats.

use formats::Format;

/// The content types that are known, for messages.
pub const EXPECTED: &str = "application/json, text/plain, application/openmetrics-text or \
                            application/vnd.google.protobuf";

/// The content type of a format, with the parameters that clients send.
pub fn content_type(format: Format) -> &'static str {
    match format {
        Format::Event => "application/json",
        Format::Text => "text/plain; version=0.0.4; charset=utf-8",
        Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        Format::Protobuf => {
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
        }
    }
}

/// The format of a content type; `None` if it is not known, or another encoding of protobuf than delimited messages.
pub fn format_of(content_type: &str) -> Option<Format> {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next()?.to_ascii_lowercase();
    match &*essence {
        "application/json" => Some(Format::Event),
        "text/plain" => Some(Format::Text),
        "application/openmetrics-text" => Some(Format::OpenMetrics),
        "application/vnd.google.protobuf" => {
            let is_delimited =
                parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
                    let value = value.trim_matches('"');
                    match &*name.to_ascii_lowercase() {
                        "encoding" => value == "delimited",
                        "proto" => value == "io.prometheus.client.MetricFamily",
                        _ => true,
                    }
                });
            is_delimited.then_some(Format::Protobuf)
        }
        _ => None,
    }
}

/// The format of a push. Like a Pushgateway, takes any other content type for text.
pub fn format_of_push(content_type: Option<&str>) -> Format {
    content_type.and_then(format_of).filter(|&format| format != Format::Event).unwrap_or(Format::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_has_one_format() {
        for format in [Format::Event, Format::Text, Format::OpenMetrics, Format::Protobuf] {
            assert_eq!(format_of(content_type(format)), Some(format));
        }
        assert_eq!(format_of("Text/Plain"), Some(Format::Text));
        assert_eq!(
            format_of("application/vnd.google.protobuf;encoding=\"delimited\""),
            Some(Format::Protobuf)
        );
        for unknown in ["", "text/html", "application/vnd.google.protobuf; encoding=text"] {
            assert_eq!(format_of(unknown), None, "{unknown}");
            assert_eq!(format_of_push(Some(unknown)), Format::Text, "{unknown}");
        }
        assert_eq!(format_of_push(Some("application/json")), Format::Text);
        assert_eq!(format_of_push(Some("application/openmetrics-text; version=1.0.0")), Format::OpenMetrics);
        assert_eq!(format_of_push(None), Format::Text);
    }
}
