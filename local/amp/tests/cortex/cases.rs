//! The cases.

mod histograms;
mod labels;
mod limits;
mod order;
mod protocol;

use crate::case::Case;
use crate::request::Times;

/// All of them.
pub(crate) fn all(now_ms: i64) -> Vec<Case> {
    let times = Times { now_ms };
    let parts = [order::cases, labels::cases, histograms::cases, protocol::cases, limits::cases];
    parts.into_iter().flat_map(|cases| cases(times)).collect()
}
