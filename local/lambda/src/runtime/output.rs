//! The output of a process, line by line, for its log and for telemetry.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Child;
use tokio::task::JoinHandle;

use super::telemetry::{Stream, Telemetry};

/// The lines of one process.
#[derive(Debug)]
pub(super) struct Output {
    sink: Sink,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Debug, Clone)]
struct Sink {
    lines: Arc<Mutex<Vec<String>>>,
    /// How many lines are kept for the next call of `take`.
    limit: usize,
    telemetry: Telemetry,
    stream: Stream,
}

impl Output {
    /// Reads the output of `child` and keeps at most `limit` lines.
    pub(super) fn of(child: &mut Child, limit: usize, telemetry: &Telemetry, stream: Stream) -> Self {
        let sink = Sink { lines: Arc::default(), limit, telemetry: telemetry.clone(), stream };
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            readers.push(tokio::spawn(read_lines(stdout, sink.clone())));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(tokio::spawn(read_lines(stderr, sink.clone())));
        }
        Self { sink, readers }
    }

    /// Waits until the output before the process's last request is read. A pipe without a writer is read to its end.
    pub(super) async fn take(&mut self, is_over: bool) -> Vec<String> {
        const QUIET: Duration = Duration::from_millis(2);
        const LAST_WORDS: Duration = Duration::from_millis(500);
        if is_over {
            for reader in self.readers.drain(..) {
                // A grandchild may keep the pipe open; its output is not waited for.
                let _ = tokio::time::timeout(LAST_WORDS, reader).await;
            }
        }
        let mut seen = None;
        while seen != Some(self.len()) {
            seen = Some(self.len());
            tokio::time::sleep(QUIET).await;
        }
        self.drain()
    }

    /// The lines since the last call.
    pub(super) fn drain(&self) -> Vec<String> {
        std::mem::take(&mut *self.sink.lines())
    }

    fn len(&self) -> usize {
        self.sink.lines().len()
    }
}

impl Sink {
    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read_lines(stream: impl AsyncRead + Unpin, sink: Sink) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        sink.telemetry.line(sink.stream, &text);
        let mut lines = sink.lines();
        if lines.len() < sink.limit {
            lines.push(text);
        }
        drop(lines);
        line.clear();
    }
}
