//! What a million samples cost on AWS, by the formula of `docs/cost.md`, which names the sources of the prices.
//!
//! The prices are those of us-east-1 in US dollars, without free tiers.

/// An invocation.
const LAMBDA_REQUEST: f64 = 0.20 / 1e6;
/// A gigabyte-second on x86-64, first tier.
const LAMBDA_GB_SECOND: f64 = 0.000_016_666_7;
/// A request to a standard queue, first tier.
const SQS_REQUEST: f64 = 0.40 / 1e6;
/// A sample ingested by AMP, first tier.
const AMP_SAMPLE: f64 = 0.90 / 10e6;

/// "At 1,769 MB, a function has the equivalent of one vCPU" (Lambda, "Configure Lambda function memory").
const MB_OF_ONE_CPU: f64 = 1_769.0;

/// Sent, received and deleted, each with nine others.
const SQS_REQUESTS_FOR_A_MESSAGE: f64 = 0.3;

/// The wait for AMP in an invocation, in milliseconds: an assumption, not measured.
const WAIT_MS: f64 = 20.0;

/// Memory sizes, in MB.
const SIZES: [f64; 5] = [128.0, 256.0, 512.0, 1_024.0, 1_769.0];

/// How much larger than the peak a memory size must be.
const HEADROOM: f64 = 1.25;

/// One invocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload {
    /// CPU time on a whole processor, in milliseconds.
    pub(crate) cpu_ms: f64,
    /// SQS messages.
    pub(crate) records: f64,
    /// Samples written.
    pub(crate) samples: f64,
    /// Configured memory.
    pub(crate) memory_mb: f64,
}

/// The cost of a million samples, in US dollars.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Invocations and their duration.
    pub(crate) lambda: f64,
    /// Requests to the queue.
    pub(crate) queue: f64,
    /// Ingestion.
    pub(crate) ingestion: f64,
}

impl Cost {
    /// The sum.
    pub(crate) fn total(&self) -> f64 {
        self.lambda + self.queue + self.ingestion
    }
}

/// The smallest size that holds a peak with some room.
pub(crate) fn memory_for(peak_mb: f64) -> f64 {
    let fits = SIZES.into_iter().find(|size| *size >= peak_mb * HEADROOM);
    fits.unwrap_or(SIZES[SIZES.len() - 1])
}

/// The milliseconds that Lambda bills for one invocation: with less memory the same work takes longer.
pub(crate) fn billed_ms(workload: Workload) -> f64 {
    let share = (workload.memory_mb / MB_OF_ONE_CPU).min(1.0);
    (workload.cpu_ms / share + WAIT_MS).ceil()
}

/// The cost of a million samples, all of which come in such invocations.
pub(crate) fn per_million_samples(workload: Workload) -> Cost {
    let invocations = 1e6 / workload.samples;
    let gb_seconds = billed_ms(workload) / 1e3 * workload.memory_mb / 1_024.0;
    Cost {
        lambda: invocations * (LAMBDA_REQUEST + gb_seconds * LAMBDA_GB_SECOND),
        queue: invocations * workload.records * SQS_REQUESTS_FOR_A_MESSAGE * SQS_REQUEST,
        ingestion: 1e6 * AMP_SAMPLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_batch_costs_the_same_as_calculated_by_hand() {
        let workload = Workload { cpu_ms: 6.5, records: 5_500.0, samples: 11_000.0, memory_mb: 128.0 };
        // 6.5 ms × 1,769 / 128 = 89.8 ms, and 20 ms of waiting.
        assert!((billed_ms(workload) - 110.0).abs() < 1e-9);
        let cost = per_million_samples(workload);
        // 90.9 invocations of 0.0000002 + 0.11 s × 0.125 GB × 0.0000166667.
        assert!((cost.lambda - 0.000_039_0).abs() < 1e-6, "{cost:?}");
        assert!((cost.queue - 0.06).abs() < 1e-9, "{cost:?}");
        assert!((cost.ingestion - 0.09).abs() < 1e-9, "{cost:?}");
    }

    #[test]
    fn memory_is_the_smallest_size_with_a_quarter_of_room() {
        let sizes = [22.0, 102.0, 103.0, 9_000.0].map(|peak_mb| memory_for(peak_mb).to_string());
        assert_eq!(sizes, ["128", "128", "256", "1769"]);
    }
}
