//! The messages of OTLP, with the names of their fields in JSON.

/// The fields of a message.
pub(super) struct Message(pub(super) &'static [Field]);

/// The name, number and type of a field.
pub(super) struct Field(pub(super) &'static str, pub(super) u8, pub(super) Type);

/// The type of a field. Those of repeated fields are arrays in JSON, and packed if they are numbers.
#[derive(Clone, Copy)]
pub(super) enum Type {
    Text,
    Bytes,
    Bool,
    Double,
    Fixed64,
    SignedFixed64,
    /// `int64`.
    Signed,
    /// `sint32`.
    Zigzag,
    /// `uint32` or an enumeration.
    Unsigned,
    Doubles,
    Fixed64s,
    /// `uint64`.
    Unsigneds,
    Message(&'static Message),
    Messages(&'static Message),
}

use Type::{
    Bool, Bytes, Double, Doubles, Fixed64, Fixed64s, Messages, Signed, SignedFixed64, Unsigned, Unsigneds,
    Zigzag,
};

// The messages, as `proto/otlp.proto` gives them. Fields that have no influence on samples are left out.
pub(super) static REQUEST: Message = Message(&[Field("resourceMetrics", 1, Messages(&RESOURCE_METRICS))]);
static RESOURCE_METRICS: Message = Message(&[
    Field("resource", 1, Type::Message(&RESOURCE)),
    Field("scopeMetrics", 2, Messages(&SCOPE_METRICS)),
]);
static RESOURCE: Message = Message(&[Field("attributes", 1, Messages(&KEY_VALUE))]);
static SCOPE_METRICS: Message = Message(&[
    Field("scope", 1, Type::Message(&SCOPE)),
    Field("metrics", 2, Messages(&METRIC)),
    Field("schemaUrl", 3, Type::Text),
]);
static SCOPE: Message = Message(&[
    Field("name", 1, Type::Text),
    Field("version", 2, Type::Text),
    Field("attributes", 3, Messages(&KEY_VALUE)),
]);
static METRIC: Message = Message(&[
    Field("name", 1, Type::Text),
    Field("description", 2, Type::Text),
    Field("unit", 3, Type::Text),
    Field("gauge", 5, Type::Message(&GAUGE)),
    Field("sum", 7, Type::Message(&SUM)),
    Field("histogram", 9, Type::Message(&HISTOGRAM)),
    Field("exponentialHistogram", 10, Type::Message(&EXPONENTIAL_HISTOGRAM)),
    Field("summary", 11, Type::Message(&SUMMARY)),
]);
static GAUGE: Message = Message(&[Field("dataPoints", 1, Messages(&NUMBER_DATA_POINT))]);
static SUM: Message = Message(&[
    Field("dataPoints", 1, Messages(&NUMBER_DATA_POINT)),
    Field("aggregationTemporality", 2, Unsigned),
    Field("isMonotonic", 3, Bool),
]);
static HISTOGRAM: Message = Message(&[
    Field("dataPoints", 1, Messages(&HISTOGRAM_DATA_POINT)),
    Field("aggregationTemporality", 2, Unsigned),
]);
static EXPONENTIAL_HISTOGRAM: Message = Message(&[
    Field("dataPoints", 1, Messages(&EXPONENTIAL_HISTOGRAM_DATA_POINT)),
    Field("aggregationTemporality", 2, Unsigned),
]);
static SUMMARY: Message = Message(&[Field("dataPoints", 1, Messages(&SUMMARY_DATA_POINT))]);
static NUMBER_DATA_POINT: Message = Message(&[
    Field("attributes", 7, Messages(&KEY_VALUE)),
    Field("startTimeUnixNano", 2, Fixed64),
    Field("timeUnixNano", 3, Fixed64),
    Field("asDouble", 4, Double),
    Field("asInt", 6, SignedFixed64),
    Field("exemplars", 5, Messages(&EXEMPLAR)),
    Field("flags", 8, Unsigned),
]);
static HISTOGRAM_DATA_POINT: Message = Message(&[
    Field("attributes", 9, Messages(&KEY_VALUE)),
    Field("startTimeUnixNano", 2, Fixed64),
    Field("timeUnixNano", 3, Fixed64),
    Field("count", 4, Fixed64),
    Field("sum", 5, Double),
    Field("bucketCounts", 6, Fixed64s),
    Field("explicitBounds", 7, Doubles),
    Field("exemplars", 8, Messages(&EXEMPLAR)),
    Field("flags", 10, Unsigned),
]);
static EXPONENTIAL_HISTOGRAM_DATA_POINT: Message = Message(&[
    Field("attributes", 1, Messages(&KEY_VALUE)),
    Field("startTimeUnixNano", 2, Fixed64),
    Field("timeUnixNano", 3, Fixed64),
    Field("count", 4, Fixed64),
    Field("sum", 5, Double),
    Field("scale", 6, Zigzag),
    Field("zeroCount", 7, Fixed64),
    Field("positive", 8, Type::Message(&BUCKETS)),
    Field("negative", 9, Type::Message(&BUCKETS)),
    Field("flags", 10, Unsigned),
    Field("exemplars", 11, Messages(&EXEMPLAR)),
]);
static BUCKETS: Message = Message(&[Field("offset", 1, Zigzag), Field("bucketCounts", 2, Unsigneds)]);
static SUMMARY_DATA_POINT: Message = Message(&[
    Field("attributes", 7, Messages(&KEY_VALUE)),
    Field("startTimeUnixNano", 2, Fixed64),
    Field("timeUnixNano", 3, Fixed64),
    Field("count", 4, Fixed64),
    Field("sum", 5, Double),
    Field("quantileValues", 6, Messages(&VALUE_AT_QUANTILE)),
    Field("flags", 8, Unsigned),
]);
static VALUE_AT_QUANTILE: Message = Message(&[Field("quantile", 1, Double), Field("value", 2, Double)]);
static EXEMPLAR: Message = Message(&[]);
static KEY_VALUE: Message =
    Message(&[Field("key", 1, Type::Text), Field("value", 2, Type::Message(&ANY_VALUE))]);
static ANY_VALUE: Message = Message(&[
    Field("stringValue", 1, Type::Text),
    Field("boolValue", 2, Bool),
    Field("intValue", 3, Signed),
    Field("doubleValue", 4, Double),
    Field("arrayValue", 5, Type::Message(&ARRAY_VALUE)),
    Field("kvlistValue", 6, Type::Message(&KEY_VALUE_LIST)),
    Field("bytesValue", 7, Bytes),
]);
static ARRAY_VALUE: Message = Message(&[Field("values", 1, Messages(&ANY_VALUE))]);
static KEY_VALUE_LIST: Message = Message(&[Field("values", 1, Messages(&KEY_VALUE))]);
