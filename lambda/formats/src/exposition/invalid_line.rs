//! The reasons why a line is invalid, in the words of Prometheus's text parser where it has the same reason.

use crate::limits::TooMany;

/// The reason why a line is invalid. The texts are quoted as Go does, and bounded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLine {
    /// More than is read of one text.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The text ends inside a line.
    #[error("unexpected end of input stream")]
    End,
    /// Something else where the name of a metric should be.
    #[error("invalid metric name")]
    NoMetricName,
    /// A metric name outside the charset, if names are not escaped.
    #[error("invalid metric name {0}")]
    MetricName(String),
    /// A name that cannot be escaped, or two that escape to the same.
    #[error("{0}")]
    Names(String),
    /// Something else where the name of a metric family should be.
    #[error("invalid metric name in comment")]
    NameInComment,
    /// Something else where the name of a label should be.
    #[error("invalid label name for metric {0}")]
    NoLabelName(String),
    /// A label name outside the charset, if names are not escaped.
    #[error("invalid label name {0}")]
    LabelName(String),
    /// A label of the name that belongs to the metric name.
    #[error("label name \"__name__\" is reserved")]
    ReservedLabel,
    /// A second label of one name.
    #[error("duplicate label names for metric {0}")]
    DuplicateLabel(String),
    /// A second metric name in braces.
    #[error("multiple metric names for metric {0}")]
    SecondName(String),
    /// Something else after a metric name in braces.
    #[error("unexpected end of metric name {0}")]
    AfterName(String),
    /// Something else after the name of a label.
    #[error("expected '=' after label name, found {0}")]
    NoEquals(String),
    /// A label value without quotes.
    #[error("expected '\"' at start of label value, found {0}")]
    NoQuote(String),
    /// A label value that is not UTF-8.
    #[error("invalid label value {0}")]
    LabelValue(String),
    /// Something else after a label value.
    #[error("unexpected end of label value {0}")]
    AfterLabelValue(String),
    /// A quoted text that goes on in the next line.
    #[error("{what} {text} contains unescaped new-line")]
    NewLine {
        /// The kind of text.
        what: &'static str,
        /// The text up to the end of the line.
        text: String,
    },
    /// A backslash before another character than `\`, `"` and `n`.
    #[error("invalid escape sequence '\\{0}'")]
    Escape(String),
    /// A bound or a quantile that is not a number.
    #[error("expected float as value for '{label}' label, got {found}")]
    Bound {
        /// `le` or `quantile`.
        label: &'static str,
        /// Its value.
        found: String,
    },
    /// A value that is not a number.
    #[error("expected float as value, got {0}")]
    Value(String),
    /// A negative number of observations.
    #[error("negative {what} for histogram {name}")]
    Negative {
        /// Of the histogram or of a bucket.
        what: &'static str,
        /// The histogram.
        name: String,
    },
    /// A timestamp that is not a number of milliseconds.
    #[error("expected integer as timestamp, got {0}")]
    Milliseconds(String),
    /// Something else after a timestamp.
    #[error("spurious string after timestamp: {0}")]
    AfterTimestamp(String),
    /// A second line of this kind for a family.
    #[error("second {keyword} line for metric name {name}")]
    Second {
        /// `HELP` or `UNIT`.
        keyword: &'static str,
        /// The family.
        name: String,
    },
    /// A type for a family that has one.
    #[error("second TYPE line for metric name {0}, or TYPE reported after samples")]
    SecondType(String),
    /// Another word than the types of metrics.
    #[error("unknown metric type {0}")]
    Type(String),
    /// `OpenMetrics`: a timestamp that is not a number of seconds.
    #[error("expected seconds as timestamp, got {0}")]
    Seconds(String),
    /// `OpenMetrics`: another comment than the four that there are.
    #[error("expected TYPE, HELP, UNIT or EOF after '#', got {0}")]
    Comment(String),
    /// `OpenMetrics`: a line without content.
    #[error("empty line")]
    Empty,
    /// `OpenMetrics`: a unit that the name of its family does not end with.
    #[error("unit {unit} not a suffix of metric {name}")]
    Unit {
        /// The unit.
        unit: String,
        /// The family.
        name: String,
    },
    /// `OpenMetrics`: a sample of a histogram or summary without the label that it needs.
    #[error("expected label \"{label}\" for metric {name}")]
    NoBound {
        /// `le` or `quantile`.
        label: &'static str,
        /// The sample's metric name.
        name: String,
    },
    /// `OpenMetrics`: something else after a sample.
    #[error("expected an exemplar or the end of the line, got {0}")]
    AfterSample(String),
    /// `OpenMetrics`: the last line is missing.
    #[error("expected \"# EOF\" as the last line")]
    NoEof,
    /// `OpenMetrics`: lines after the last.
    #[error("unexpected data after \"# EOF\"")]
    AfterEof,
}
