//! The faults: functions and Cortex are killed, and write requests are refused for a while.

use std::cell::Cell;
use std::error::Error;
use std::time::Duration;

use fastrand::Rng;
use http::StatusCode;
use local_lambda::service::Pool;
use local_testing::cortex::Cortex;

use super::proxy::Proxy;
use super::stored::Stored;
use crate::soak::chaos::{kill_busy, report};

const MS_BETWEEN: std::ops::Range<u64> = 2_000..7_000;
const MS_REFUSED: std::ops::Range<u64> = 500..4_000;
const MS_DOWN: std::ops::Range<u64> = 0..3_000;

/// How often each happened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) functions_killed: u32,
    pub(super) cortex_killed: u32,
}

/// Causes one fault after the other until `is_over`. Adds to `stored` what Cortex has before it is killed.
pub(super) async fn run(
    cortex: &mut Cortex,
    stored: &mut Stored,
    devices: u32,
    pool: &Pool,
    proxy: &Proxy,
    mut rng: Rng,
    is_over: &Cell<bool>,
) -> Result<Counts, Box<dyn Error>> {
    let mut counts = Counts::default();
    while !is_over.get() {
        match rng.u8(..6) {
            0 => {
                let time = Duration::from_millis(rng.u64(MS_DOWN));
                report(&format!("cortex is killed, and started {:.1} s later", time.as_secs_f64()));
                stored.update(Stored::read(cortex, devices).await?);
                cortex.kill().await;
                tokio::time::sleep(time).await;
                cortex.restart().await?;
                counts.cortex_killed += 1;
            }
            1..=3 => {
                let status =
                    if rng.bool() { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::SERVICE_UNAVAILABLE };
                let time = Duration::from_millis(rng.u64(MS_REFUSED));
                report(&format!("every answer is {} for {:.1} s", status.as_u16(), time.as_secs_f64()));
                proxy.refuse(Some(status));
                tokio::time::sleep(time).await;
                proxy.refuse(None);
            }
            _ => {
                if let Some(pid) = kill_busy(pool).await {
                    report(&format!("a function is killed in the middle of a batch (process {pid})"));
                    counts.functions_killed += 1;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(rng.u64(MS_BETWEEN))).await;
    }
    Ok(counts)
}
