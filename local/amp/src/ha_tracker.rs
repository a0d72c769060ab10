//! The HA tracker of Cortex, which takes the series of one of several replicas of a Prometheus.
//!
//! Only the first series of a request decides. If it carries both labels, the request is stored without the label of the
//! replica, or, if another replica is elected, dropped with a 202 (`pkg/ha`, and `Push` in `pkg/distributor`).

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use prometheus_proto::WriteRequest;

use super::answer::Refusal;
use super::whole_ms;

/// Cortex, `ha_cluster_label` and `ha_replica_label`.
const CLUSTER_LABEL: &str = "cluster";
pub(super) const REPLICA_LABEL: &str = "__replica__";

/// Cortex, `-distributor.ha-tracker.update-timeout`: how long the time of the elected replica's last request is kept as it is.
const UPDATE_TIMEOUT_MS: i64 = 15_000;

/// The elected replica of each cluster.
#[derive(Debug, Default)]
pub(super) struct HaTracker(BTreeMap<String, Elected>);

#[derive(Debug)]
struct Elected {
    replica: String,
    received_ms: i64,
}

impl HaTracker {
    /// Whether the label of the replica is removed from the series of this request; a refusal drops it.
    pub(super) fn admit(
        &mut self,
        failover_timeout: Duration,
        now_ms: i64,
        request: &WriteRequest,
    ) -> Result<bool, Refusal> {
        let labels = request.timeseries.first().map_or(&[][..], |series| &series.labels);
        let value = |name| labels.iter().rfind(|label| label.name == name && !label.value.is_empty());
        let (Some(cluster), Some(replica)) = (value(CLUSTER_LABEL), value(REPLICA_LABEL)) else {
            return Ok(false);
        };
        let elect = || Elected { replica: replica.value.clone(), received_ms: now_ms };
        let elected = self.0.entry(cluster.value.clone()).or_insert_with(elect);
        let silence_ms = now_ms.saturating_sub(elected.received_ms);
        if elected.replica == replica.value {
            if silence_ms >= UPDATE_TIMEOUT_MS {
                elected.received_ms = now_ms;
            }
        } else if silence_ms >= whole_ms(failover_timeout) {
            *elected = elect();
        } else {
            let text = format!(
                "replicas did not match, rejecting sample: replica={}, elected={}",
                replica.value, elected.replica
            );
            return Err(Refusal::text(StatusCode::ACCEPTED, text));
        }
        Ok(true)
    }
}
