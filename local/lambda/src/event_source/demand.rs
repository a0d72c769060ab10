//! How many messages to request. Nothing is requested while the function is busy, because the visibility timeout of a
//! received message runs.

/// `ReceiveMessage` returns at most 10 messages.
const MAX_MESSAGES: usize = 10;

/// More requests at a time do not help against one local server.
const MAX_RECEIVES: usize = 4;

/// Everything that decides how many messages can be used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    /// The most messages of one batch.
    pub(super) batch_size: usize,
    /// Batches that the function could take besides those that wait already.
    pub(super) more_batches: usize,
    /// Messages in the open batch.
    pub(super) gathered: usize,
    /// Messages in requests without an answer yet.
    pub(super) requested: usize,
}

impl Demand {
    /// How many messages to request next, 1 to 10.
    pub(super) fn next(self) -> Option<usize> {
        let capacity = self.more_batches.saturating_mul(self.batch_size);
        let wanted = capacity.saturating_sub(self.gathered).saturating_sub(self.requested);
        (wanted > 0).then(|| wanted.min(self.batch_size).min(MAX_MESSAGES))
    }
}

/// How many receives may run at once: one for an empty queue, several to drain a full one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receivers {
    allowed: usize,
    most: usize,
}

impl Receivers {
    /// One at a time for a FIFO queue: two answers could arrive in the wrong order.
    pub(super) fn new(is_fifo: bool) -> Self {
        Self { allowed: 1, most: if is_fifo { 1 } else { MAX_RECEIVES } }
    }

    /// How many may run now.
    pub(super) fn allowed(self) -> usize {
        self.allowed
    }

    /// Adjusts the number after a receive: one that returned all that it requested indicates that there is more.
    pub(super) fn record(&mut self, requested: usize, received: usize) {
        self.allowed = if received < requested { 1 } else { (self.allowed * 2).min(self.most) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(batch_size: usize, more_batches: usize, gathered: usize, requested: usize) -> Option<usize> {
        Demand { batch_size, more_batches, gathered, requested }.next()
    }

    #[test]
    fn requests_no_more_than_the_function_can_take() {
        assert_eq!(next(10, 2, 0, 0), Some(10));
        assert_eq!(next(10, 2, 0, 10), Some(10));
        assert_eq!(next(10, 2, 0, 20), None);
        assert_eq!(next(10, 0, 0, 0), None);
        assert_eq!(next(100, 1, 95, 0), Some(5));
        assert_eq!(next(100, 1, 95, 5), None);
        assert_eq!(next(3, 1, 0, 0), Some(3));
        assert_eq!(next(10_000, 1, 12_000, 10), None);
    }

    #[test]
    fn a_full_queue_is_received_in_parallel_until_empty() {
        let mut receivers = Receivers::new(false);
        let allowed: Vec<_> = [10, 10, 10, 3, 10]
            .map(|received| {
                receivers.record(10, received);
                receivers.allowed()
            })
            .into();
        assert_eq!(allowed, [2, 4, 4, 1, 2]);
    }

    #[test]
    fn a_fifo_queue_is_received_one_by_one() {
        let mut receivers = Receivers::new(true);
        receivers.record(10, 10);
        assert_eq!(receivers.allowed(), 1);
    }
}
