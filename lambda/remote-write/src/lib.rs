//! Prometheus remote write 1.0 for senders: samples in, encoded write requests out.
//!
//! The crate is pure. It does no I/O, reads no clock and no environment, and knows neither AWS nor JSON.
//! A sample walks straight through the modules, in this order:
//!
//! | module      | in → out                                                                  | may fail with          |
//! |-------------|---------------------------------------------------------------------------|------------------------|
//! | [`name`]    | text → [`MetricName`], [`LabelName`]                                       | [`InvalidName`]        |
//! | [`labels`]  | names and values → [`Labels`]: sorted, unique, no empty value              | [`DuplicateLabel`]     |
//! | [`sample`]  | timestamp and value → [`Sample`]                                           | cannot                 |
//! | [`series`]  | samples with their [`Origin`] → [`Series`]: grouped by label set, ascending | cannot                 |
//! | [`request`] | series → write requests within a size, in lanes                            | cannot                 |
//! | [`split`]   | the samples of a refused request → its halves                             | cannot                 |
//! | [`encode`]  | the samples of one request → protobuf, then snappy                         | cannot                 |
//!
//! `wire` knows the messages themselves: fields and their sizes.
//!
//! After [`Labels::new`] nothing is checked again: validity is in the type.
//!
//! Specification: <https://prometheus.io/docs/specs/prw/remote_write_spec/>.

pub mod encode;
pub mod labels;
pub mod name;
pub mod request;
pub mod sample;
pub mod series;
pub mod split;
mod wire;

pub use encode::EncodedRequest;
pub use labels::{DuplicateLabel, Labels};
pub use name::{InvalidName, LabelName, METRIC_NAME_LABEL, MetricName, NameEscaping};
pub use request::{MAX_REQUEST_BYTES, PlannedRequest, lanes};
pub use sample::{NORMAL_NAN, Origin, STALE_NAN, Sample};
pub use series::{LabelsId, Series, SeriesBuilder, SeriesId, SeriesSample};
pub use split::{Halves, halves_by_origin};
