//! The queue: hands batches to functions, and hands messages that they give back to them again.

use std::cell::{Ref, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use local_lambda::service::Pool;
use local_lambda::sqs::{QueueMessage, sqs_event};
use local_testing::ACCOUNT;
use tokio::time::Instant;

use super::messages::Message;

/// A message that was received this often and given back is moved without a reason, as by a redrive policy.
const MAX_RECEIVES: u8 = 5;

/// How long a message stays hidden after its function has given it back, failed or been killed: six times the function's
/// timeout, which Lambda's guide recommends as the visibility timeout of a queue.
const HIDDEN: Duration = Duration::from_mins(1);

const MAX_BATCH: usize = 1_000;

/// The longest pause of a worker between two batches.
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// The newest timestamp of the messages that any function has had, in milliseconds since the epoch.
#[derive(Debug, Clone, Default)]
pub(super) struct Newest(Arc<AtomicI64>);

impl Newest {
    pub(super) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn raise(&self, timestamp_ms: i64) {
        self.0.fetch_max(timestamp_ms, Ordering::Relaxed);
    }
}

/// A message in the queue.
#[derive(Debug, Clone)]
pub(super) struct Queued {
    pub(super) message: Message,
    pub(super) receives: u8,
    pub(super) end: Option<End>,
}

/// How a message left the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// A function has taken it.
    Deleted,
    /// It was received too often; with [`Newest`] at that time.
    Redriven { newest_ms: i64 },
}

/// A queue.
#[derive(Debug)]
pub(super) struct Queue {
    newest: Newest,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    all: Vec<Queued>,
    visible: Vec<usize>,
    hidden: Vec<(Instant, usize)>,
    in_flight: usize,
    is_closed: bool,
}

impl Queue {
    pub(super) fn new(rng: Rng, newest: Newest) -> Self {
        let state = State {
            rng,
            all: Vec::new(),
            visible: Vec::new(),
            hidden: Vec::new(),
            in_flight: 0,
            is_closed: false,
        };
        Self { newest, state: RefCell::new(state) }
    }

    pub(super) fn send(&self, messages: Vec<Message>) {
        let mut state = self.state.borrow_mut();
        let first = state.all.len();
        state.all.extend(messages.into_iter().map(|message| Queued { message, receives: 0, end: None }));
        let new = first..state.all.len();
        state.visible.extend(new);
    }

    /// No more messages are sent.
    pub(super) fn close(&self) {
        self.state.borrow_mut().is_closed = true;
    }

    /// All messages that were ever sent; the position of a message is the number in its id.
    pub(super) fn all(&self) -> Ref<'_, [Queued]> {
        Ref::map(self.state.borrow(), |state| &*state.all)
    }

    /// How many messages are in the queue, received ones included.
    pub(super) fn len(&self) -> usize {
        let state = self.state.borrow();
        state.visible.len() + state.hidden.len() + state.in_flight
    }

    /// Invokes the function with batches until the queue is closed and empty.
    pub(super) async fn work(&self, pool: &Pool) {
        while !(self.len() == 0 && self.state.borrow().is_closed) {
            let batch = self.receive();
            if !batch.is_empty() {
                let answer = pool.invoke(self.event(&batch), None).await;
                self.settle(&batch, answer.ok().and_then(|invocation| invocation.batch_item_failures()));
            }
            let pause = self.state.borrow_mut().rng.f64();
            tokio::time::sleep(MAX_PAUSE.mul_f64(pause)).await;
        }
    }

    /// Some visible messages in any order, as SQS returns them.
    fn receive(&self) -> Vec<usize> {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let now = Instant::now();
        let back = state.hidden.extract_if(.., |(until, _)| *until <= now).map(|(_, at)| at);
        state.visible.extend(back);
        state.rng.shuffle(&mut state.visible);
        let count = state.rng.usize(1..=MAX_BATCH).min(state.visible.len());
        let batch = state.visible.split_off(state.visible.len() - count);
        state.in_flight += count;
        for &at in &batch {
            state.all[at].receives += 1;
            let newest = state.all[at].message.samples.iter().map(|((_, at), _)| *at).max();
            self.newest.raise(newest.unwrap_or_default());
        }
        batch
    }

    fn event(&self, batch: &[usize]) -> bytes::Bytes {
        let state = self.state.borrow();
        let message = |&at: &usize| {
            let message = &state.all[at].message;
            QueueMessage::new(at as u64, &*message.body, message.timestamp_ms)
        };
        let messages: Vec<QueueMessage> = batch.iter().map(message).collect();
        sqs_event(&format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:telemetry"), &messages)
    }

    /// Deletes the messages of a batch that the function has taken; without an answer it has taken none.
    fn settle(&self, batch: &[usize], failed: Option<Vec<String>>) {
        let failed = failed.map(|ids| ids.iter().filter_map(|id| number(id)).collect::<Vec<usize>>());
        let mut state = self.state.borrow_mut();
        state.in_flight -= batch.len();
        for &at in batch {
            let is_taken = failed.as_ref().is_some_and(|failed| !failed.contains(&at));
            let queued = &mut state.all[at];
            if is_taken {
                queued.end = Some(End::Deleted);
            } else if queued.receives >= MAX_RECEIVES {
                queued.end = Some(End::Redriven { newest_ms: self.newest.get() });
            } else {
                state.hidden.push((Instant::now() + HIDDEN, at));
            }
        }
    }
}

/// The number in the id of a [`QueueMessage`].
pub(super) fn number(id: &str) -> Option<usize> {
    usize::from_str_radix(id.split('-').next()?, 16).ok()
}
