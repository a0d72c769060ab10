//! Prometheus remote write 1.0 and 2.0 for senders: from points to encoded write requests.
//!
//! The crate is pure: no I/O, no clock, no environment, and neither AWS nor any input format. Data goes through the
//! modules in this order:
//!
//! | module      | what it does                                                                  | may fail with      |
//! |-------------|-------------------------------------------------------------------------------|--------------------|
//! | [`name`]    | makes text a [`MetricName`] or [`LabelName`]                                  | [`InvalidName`]    |
//! | [`labels`]  | makes names and values [`Labels`]: sorted, unique, no empty value             | [`Collision`]      |
//! | [`sample`]  | [`Point`]s, [`Value`]s and [`Sample`]s; each point is one [`Origin`]          | cannot             |
//! | [`series`]  | groups points into [`Series`]: by label set, ascending in time                | [`NotAdded`]       |
//! | [`request`] | plans requests within a size, in lanes                                        | cannot             |
//! | [`encode`]  | writes the samples of one request: protobuf, then snappy                      | cannot             |
//!
//! [`metadata`] of metric families travels beside the series, and native [`histogram`]s are values of samples.
//! `given_names` finds series that escaping would make of different names, `symbols` has the texts of a request of 2.0, and
//! `wire` the fields of the messages and their sizes. After [`Labels::new`] nothing else is checked again: validity is in the type.
//!
//! Specifications: <https://prometheus.io/docs/specs/prw/remote_write_spec/> and
//! <https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/>.

pub mod encode;
mod given_names;
pub mod histogram;
pub mod labels;
pub mod metadata;
pub mod name;
pub mod request;
pub mod sample;
pub mod series;
mod symbols;
mod wire;

pub use encode::{EncodedRequest, Version};
pub use histogram::Histogram;
pub use labels::Labels;
pub use metadata::{Metadata, MetricType};
pub use name::{Collision, InvalidName, LabelName, METRIC_NAME_LABEL, MetricName, NameEscaping};
pub use request::{MAX_REQUEST_BYTES, PlannedRequest, lanes};
pub use sample::{BOUNDS, NORMAL_NAN, Origin, Oversized, Point, STALE_NAN, Sample, SampleValue, Value};
pub use series::{NotAdded, Series, SeriesBuilder, SeriesId};
