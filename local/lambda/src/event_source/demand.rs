//! How many messages may be asked for.
//!
//! In: what is on its way already. Out: the size of the next `ReceiveMessage`, if there is to be one. While the
//! function is busy nothing is asked for: a message in our hands is hidden from everyone, and its visibility timeout
//! runs. No I/O.

/// `ReceiveMessage` returns at most 10 messages.
const MAX_MESSAGES: usize = 10;

/// More than these at a time do not help against one server on this machine.
const MAX_RECEIVES: usize = 4;

/// What is on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    /// The most messages of one batch.
    pub(super) batch_size: usize,
    /// How many more batches the function could take now, those in line already counted off.
    pub(super) free: usize,
    /// Messages in the open batch.
    pub(super) gathered: usize,
    /// Messages asked for and not answered yet.
    pub(super) asked: usize,
}

impl Demand {
    /// How many messages to ask for next, 1 to 10.
    pub(super) fn next(self) -> Option<usize> {
        let room = self.free.saturating_mul(self.batch_size);
        let wanted = room.saturating_sub(self.gathered).saturating_sub(self.asked);
        (wanted > 0).then(|| wanted.min(self.batch_size).min(MAX_MESSAGES))
    }
}

/// How many receives may run at once: one is enough to notice the first message, several drain a full queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receivers {
    allowed: usize,
    most: usize,
}

impl Receivers {
    /// One at a time for a FIFO queue: two answers could overtake each other.
    pub(super) fn new(is_fifo: bool) -> Self {
        Self { allowed: 1, most: if is_fifo { 1 } else { MAX_RECEIVES } }
    }

    /// How many may run at the moment.
    pub(super) fn allowed(self) -> usize {
        self.allowed
    }

    /// A receive that got all it asked for is a sign that there is more.
    pub(super) fn saw(&mut self, asked: usize, received: usize) {
        self.allowed = if received < asked { 1 } else { (self.allowed * 2).min(self.most) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(batch_size: usize, free: usize, gathered: usize, asked: usize) -> Option<usize> {
        Demand { batch_size, free, gathered, asked }.next()
    }

    #[test]
    fn no_more_is_asked_for_than_the_function_can_take() {
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
    fn a_full_queue_is_received_from_in_parallel_until_it_is_empty() {
        let mut receivers = Receivers::new(false);
        let allowed: Vec<_> = [10, 10, 10, 3, 10]
            .map(|received| {
                receivers.saw(10, received);
                receivers.allowed()
            })
            .into();
        assert_eq!(allowed, [2, 4, 4, 1, 2]);
    }

    #[test]
    fn a_fifo_queue_is_received_from_one_by_one() {
        let mut receivers = Receivers::new(true);
        receivers.saw(10, 10);
        assert_eq!(receivers.allowed(), 1);
    }
}
