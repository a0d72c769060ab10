//! `query`: a PromQL expression at one time → its value (AMP, `QueryMetrics`).

use crate::api::Api;
use crate::error::Error;
use crate::input::{Input, InvalidInput};
use crate::parameter::{MAX_SERIES, QUERY, TIME};
use crate::selection::{Audience, query_data};
use crate::timestamp::Timestamp;

/// How many series an agent gets unless it asks for another number.
pub const SERIES_FOR_AGENT: usize = 50;

const NARROW: &str = "add label matchers, aggregate with sum by (...) or take topk(10, ...)";

/// What is asked.
#[derive(Debug)]
pub struct Query {
    expression: String,
    time: Timestamp,
    limit: Option<usize>,
}

impl Query {
    /// Reads the parameters; the time is that of the invocation unless given.
    ///
    /// # Errors
    /// A parameter is missing or wrong.
    pub fn read(input: &Input) -> Result<Self, InvalidInput> {
        Ok(Self {
            expression: input.required_text(&QUERY)?.to_owned(),
            time: input.timestamp(&TIME)?.unwrap_or_else(|| input.now()),
            limit: input.count(&MAX_SERIES)?,
        })
    }

    /// Asks.
    ///
    /// # Errors
    /// Why there is no data.
    pub async fn run(self, api: &Api, audience: Audience) -> Result<String, Error> {
        let parameters = [("query", self.expression), ("time", self.time.seconds())];
        let body = api.get_or_post("/api/v1/query", &parameters).await?;
        let limits = audience.limits(self.limit, SERIES_FOR_AGENT);
        query_data(&body.document()?, limits, audience, NARROW)
    }
}
