//! The content types of the formats.

use formats::Format;
use formats::text::truncated;
use remote_write::Version;

/// The content types that are known, for messages.
pub const EXPECTED: &str = "application/json, text/plain, application/openmetrics-text, \
                            application/vnd.google.protobuf or application/x-protobuf";

/// The media type of remote write, and of OTLP.
const PROTOBUF: &str = "application/x-protobuf";

/// A content type that a route does not take: status 415.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Content-Type: expected {expected}, got {got:?}")]
pub struct Unsupported {
    expected: &'static str,
    got: String,
}

/// The content type of a format, with the parameters that clients send.
pub fn content_type(format: Format) -> &'static str {
    match format {
        Format::Event | Format::OtlpJson => "application/json",
        Format::Text => "text/plain; version=0.0.4; charset=utf-8",
        Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        Format::Protobuf => {
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
        }
        Format::Otlp => "application/x-protobuf",
        Format::RemoteWrite1 => "application/x-protobuf;proto=prometheus.WriteRequest",
        Format::RemoteWrite2 => "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    }
}

/// The format of a content type; `None` if it is not known, or another encoding of protobuf than delimited messages.
pub fn format_of(content_type: &str) -> Option<Format> {
    let (essence, mut parameters) = parse(content_type);
    match &*essence {
        "application/json" => Some(Format::Event),
        "text/plain" => Some(Format::Text),
        "application/openmetrics-text" => Some(Format::OpenMetrics),
        "application/vnd.google.protobuf" => {
            let is_delimited = parameters.all(|(name, value)| match &*name {
                "encoding" => value == "delimited",
                "proto" => value == "io.prometheus.client.MetricFamily",
                _ => true,
            });
            is_delimited.then_some(Format::Protobuf)
        }
        PROTOBUF => match parameters.find(|(name, _)| name == "proto") {
            None => Some(Format::RemoteWrite1),
            Some((_, message)) if message == Version::V1.message() => Some(Format::RemoteWrite1),
            Some((_, message)) if message == Version::V2.message() => Some(Format::RemoteWrite2),
            Some(_) => None,
        },
        _ => None,
    }
}

/// The media type in lower case, and the parameters with their names in lower case.
fn parse(content_type: &str) -> (String, impl Iterator<Item = (String, &str)>) {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let parameters = parts.filter_map(|parameter| parameter.split_once('='));
    (essence, parameters.map(|(name, value)| (name.to_ascii_lowercase(), value.trim_matches('"'))))
}

/// The format of a push. Like a Pushgateway, takes any other content type for text.
pub fn format_of_push(content_type: Option<&str>) -> Format {
    content_type.and_then(format_of).filter(|format| format.is_exposition()).unwrap_or(Format::Text)
}

/// The format of a request of remote write, which is 1.0 if it has no content type.
///
/// # Errors
/// [`Unsupported`]
pub fn format_of_remote_write(content_type: Option<&str>) -> Result<Format, Unsupported> {
    let Some(content_type) = content_type else { return Ok(Format::RemoteWrite1) };
    let format = format_of(content_type).filter(|format| format.is_remote_write());
    format.ok_or_else(|| Unsupported {
        expected: "application/x-protobuf with proto=prometheus.WriteRequest or \
                   proto=io.prometheus.write.v2.Request",
        got: truncated(content_type),
    })
}

/// The format of a request of OTLP, whose content type has the same meaning elsewhere.
///
/// # Errors
/// [`Unsupported`]
pub fn format_of_otlp(content_type: Option<&str>) -> Result<Format, Unsupported> {
    let content_type = content_type.unwrap_or_default();
    match &*parse(content_type).0 {
        PROTOBUF => Ok(Format::Otlp),
        "application/json" => Ok(Format::OtlpJson),
        _ => Err(Unsupported {
            expected: "application/x-protobuf or application/json",
            got: truncated(content_type),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_has_one_format() {
        for format in [
            Format::Event,
            Format::Text,
            Format::OpenMetrics,
            Format::Protobuf,
            Format::RemoteWrite1,
            Format::RemoteWrite2,
        ] {
            assert_eq!(format_of(content_type(format)), Some(format));
        }
        assert_eq!(format_of("Text/Plain"), Some(Format::Text));
        assert_eq!(
            format_of("application/vnd.google.protobuf;encoding=\"delimited\""),
            Some(Format::Protobuf)
        );
        for unknown in [
            "",
            "text/html",
            "application/vnd.google.protobuf; encoding=text",
            "application/x-protobuf; proto=prometheus.ReadRequest",
        ] {
            assert_eq!(format_of(unknown), None, "{unknown}");
            assert_eq!(format_of_push(Some(unknown)), Format::Text, "{unknown}");
            assert!(format_of_remote_write(Some(unknown)).is_err(), "{unknown}");
        }
        for other in ["application/json", "application/x-protobuf"] {
            assert_eq!(format_of_push(Some(other)), Format::Text);
        }
        for one in [None, Some("Application/X-Protobuf"), Some("application/x-protobuf; charset=utf-8")] {
            assert_eq!(format_of_remote_write(one), Ok(Format::RemoteWrite1), "{one:?}");
        }
        let two = "application/x-protobuf; Proto=\"io.prometheus.write.v2.Request\"";
        assert_eq!(format_of_remote_write(Some(two)), Ok(Format::RemoteWrite2));
        assert!(format_of_remote_write(Some("text/plain")).is_err());
        for format in [Format::Otlp, Format::OtlpJson] {
            assert_eq!(format_of_otlp(Some(content_type(format))), Ok(format));
        }
        assert!(format_of_otlp(None).is_err() && format_of_otlp(Some("text/plain")).is_err());
        assert_eq!(format_of_push(Some("application/openmetrics-text; version=1.0.0")), Format::OpenMetrics);
        assert_eq!(format_of_push(None), Format::Text);
    }
}
