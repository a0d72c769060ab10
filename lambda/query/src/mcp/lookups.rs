//! The requests of hints: few, within the time that is left, and of no consequence if they fail.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::api::{Api, Parameters};
use crate::error::Error;
use crate::labels::values_path;
use crate::list_metrics::names;
use crate::time::Timestamp;

/// The most requests after one call of a tool.
const MAX_REQUESTS: u32 = 3;

/// The most time for all of them.
const MAX_TIME: Duration = Duration::from_secs(5);

/// How far back series are looked for, as Prometheus writes it.
pub(super) const LOOKBACK: &str = "7d";

/// The requests that are left.
#[derive(Debug)]
pub(super) struct Lookups<'a> {
    api: &'a Api,
    left: u32,
    deadline: Instant,
}

impl<'a> Lookups<'a> {
    pub(super) fn new(api: &'a Api) -> Self {
        let deadline = api.deadline.min(Instant::now() + MAX_TIME);
        Self { api, left: MAX_REQUESTS, deadline }
    }

    /// The names of all metrics.
    pub(super) async fn metrics(&mut self) -> Option<Vec<String>> {
        self.list("/api/v1/label/__name__/values", &[]).await
    }

    /// The values of a label of the series of `selector`.
    pub(super) async fn values(&mut self, label: &str, selector: Option<String>) -> Option<Vec<String>> {
        let parameters: Vec<_> = selector.map(|selector| ("match[]", selector)).into_iter().collect();
        self.list(&values_path(label)?, &parameters).await
    }

    /// The names of the labels of the series of `selector`.
    pub(super) async fn labels(&mut self, selector: Option<String>) -> Option<Vec<String>> {
        let parameters: Vec<_> = selector.map(|selector| ("match[]", selector)).into_iter().collect();
        self.list("/api/v1/labels", &parameters).await
    }

    /// The time of the last sample of `selector` in the last [`LOOKBACK`]; within, `None` without one.
    pub(super) async fn last_seen(&mut self, selector: &str, now: Timestamp) -> Option<Option<Timestamp>> {
        #[derive(Deserialize)]
        struct Series {
            value: (f64, String),
        }
        let query = format!("max(max_over_time(timestamp({selector})[{LOOKBACK}:5m]))");
        let parameters = [("query", query), ("time", now.seconds())];
        let series: Vec<Series> = self
            .elements("/api/v1/query", &parameters)
            .await?
            .iter()
            .map(|element| serde_json::from_str(element).ok())
            .collect::<Option<_>>()?;
        match &series[..] {
            [] => Some(None),
            [Series { value: (_, text) }, ..] => Timestamp::read(&text.as_str().into()).map(Some),
        }
    }

    async fn list(&mut self, path: &str, parameters: &Parameters<'_>) -> Option<Vec<String>> {
        let body = self.send(path, parameters).await?;
        let response = body.api_response().ok()?;
        Some(names(&response.elements).ok()?.into_iter().map(String::from).collect())
    }

    async fn elements(&mut self, path: &str, parameters: &Parameters<'_>) -> Option<Vec<String>> {
        let body = self.send(path, parameters).await?;
        let response = body.api_response().ok()?;
        Some(response.elements.iter().map(|element| element.get().to_owned()).collect())
    }

    /// The values of a label take no form.
    async fn request(&self, path: &str, parameters: &Parameters<'_>) -> Result<crate::api::Body, Error> {
        if path.ends_with("/values") {
            self.api.get(path, parameters).await
        } else {
            self.api.get_or_post(path, parameters).await
        }
    }

    async fn send(&mut self, path: &str, parameters: &Parameters<'_>) -> Option<crate::api::Body> {
        self.left = self.left.checked_sub(1)?;
        let body = timeout_at(self.deadline, self.request(path, parameters)).await;
        body.ok()?.ok()
    }
}
