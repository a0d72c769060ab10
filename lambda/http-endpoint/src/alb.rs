//! Application load balancers.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html>. They pass on no identity
//! and no arrival time.

use crate::event::{Event, Parts};

/// The largest response of a function.
pub(crate) const MAX_ANSWER_BYTES: usize = 1_024 * 1_024;

pub(crate) fn parts<'a>(event: &Event<'a>) -> Option<Parts<'a>> {
    Some(Parts {
        method: event.http_method.clone()?,
        path: event.path.clone()?,
        query: event.query_object(false),
        received_ms: None,
        has_identity: false,
    })
}
