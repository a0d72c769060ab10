//! The tail of the log, for callers of the invoke API.

use std::fmt::Write as _;
use std::time::Duration;

use crate::runtime::Invocation;

/// Lambda API, `Invoke`: "The last 4 KB of the execution log, which is base64-encoded".
const LOG_TAIL_BYTES: usize = 4 * 1_024;

/// The log between the lines that Lambda adds in its text format, truncated to its end.
pub(super) fn log_tail(invocation: &Invocation, memory_mb: u32) -> String {
    let id = &invocation.request_id;
    let mut log = format!("START RequestId: {id} Version: $LATEST\n");
    for line in &invocation.logs {
        log.push_str(line);
        log.push('\n');
    }
    let _ = writeln!(log, "END RequestId: {id}\n{}", report_line(invocation, memory_mb));
    let surplus = log.len().saturating_sub(LOG_TAIL_BYTES);
    let from = (surplus..=log.len()).find(|at| log.is_char_boundary(*at)).unwrap_or_default();
    log.split_off(from)
}

/// The last line of an invocation in the log ("View CloudWatch Logs for Lambda functions", "REPORT").
fn report_line(invocation: &Invocation, memory_mb: u32) -> String {
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    let mut line = format!(
        "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {memory_mb} MB",
        invocation.request_id,
        millis(invocation.duration),
        invocation.billed_ms(),
    );
    if let Some(kb) = invocation.max_rss_kb {
        let _ = write!(line, "\tMax Memory Used: {} MB", kb.div_ceil(1_024));
    }
    if let Some(init) = invocation.init {
        let _ = write!(line, "\tInit Duration: {:.2} ms", millis(init));
    }
    line
}
