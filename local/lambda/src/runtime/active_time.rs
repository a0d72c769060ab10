//! The time of a sandbox, which stands still while its processes are frozen.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// A clock that can be stopped. Clones are the same clock.
#[derive(Debug, Clone)]
pub(super) struct ActiveTime(Arc<watch::Sender<State>>);

#[derive(Debug, Clone, Copy)]
struct State {
    /// The time before it was last started or stopped.
    before: Duration,
    /// When it was last started; `None` while it stands.
    running_since: Option<Instant>,
}

impl State {
    fn now(&self) -> Duration {
        self.before + self.running_since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl ActiveTime {
    /// A clock that runs.
    pub(super) fn running() -> Self {
        let state = State { before: Duration::ZERO, running_since: Some(Instant::now()) };
        Self(Arc::new(watch::Sender::new(state)))
    }

    pub(super) fn stop(&self) {
        self.0.send_modify(|state| *state = State { before: state.now(), running_since: None });
    }

    pub(super) fn resume(&self) {
        self.0.send_if_modified(|state| {
            let stood = state.running_since.is_none();
            state.running_since.get_or_insert_with(Instant::now);
            stood
        });
    }

    /// The time since the clock was made.
    pub(super) fn now(&self) -> Duration {
        self.0.borrow().now()
    }

    /// Returns when the clock shows this time; not while it stands.
    pub(super) async fn sleep_until(&self, at: Duration) {
        let mut changes = self.0.subscribe();
        loop {
            let state = *changes.borrow_and_update();
            if state.running_since.is_some() {
                tokio::select! {
                    () = tokio::time::sleep(at.saturating_sub(state.now())) => return,
                    _ = changes.changed() => {}
                }
            } else {
                // The sender lives in `self`, so this ends only with a change.
                let _ = changes.changed().await;
            }
        }
    }

    /// Waits while the clock stands.
    pub(super) async fn while_stopped(&self) {
        // As above, the sender lives.
        let _ = self.0.subscribe().wait_for(|state| state.running_since.is_some()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_sleep_is_prolonged_by_a_freeze() {
        let (time, began) = (ActiveTime::running(), Instant::now());
        let frozen = time.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(40)).await;
            frozen.stop();
            tokio::time::sleep(Duration::from_mins(1)).await;
            frozen.resume();
        });
        time.sleep_until(Duration::from_millis(100)).await;
        assert_eq!(began.elapsed(), Duration::from_millis(60_100));
        assert_eq!(time.now(), Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_runs_is_not_set_back_by_another_start() {
        let time = ActiveTime::running();
        tokio::time::sleep(Duration::from_millis(5)).await;
        time.resume();
        assert_eq!(time.now(), Duration::from_millis(5));
    }
}
