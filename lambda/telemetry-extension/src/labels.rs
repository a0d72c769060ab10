//! The labels that all series of one execution environment share.
//!
//! Queries sum over `instance`: `sum without (instance) (…)`. Each process has a random value of this label, so environments
//! that run at the same time, or follow one another after a failure, have separate counters.

use aws::text::truncate;

/// The labels of the metrics, and of groups in a Pushgateway. External labels must not have these names.
pub const RESERVED: [&str; 14] = [
    "architecture",
    "function",
    "initialization_type",
    "instance",
    "job",
    "le",
    "memory_mb",
    "outcome",
    "phase",
    "quantile",
    "status",
    "type",
    "version",
    "__name__",
];

/// The form of the label `instance`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InstanceLabel {
    /// Eight random hexadecimal digits.
    #[default]
    Short,
    /// Lambda's id of the environment before them, if it is known in time.
    Full,
}

/// The label `instance`. `random` must be drawn after the environment was restored from a snapshot, or all environments
/// of the snapshot would share it.
pub fn instance(label: InstanceLabel, platform: Option<&str>, random: u64) -> String {
    match (label, platform) {
        (InstanceLabel::Short, _) => format!("{:08x}", random >> 32),
        (InstanceLabel::Full, None) => format!("{random:016x}"),
        // Lambda may initialize the same environment again, with counters that begin at zero.
        (InstanceLabel::Full, Some(platform)) => {
            format!("{}-{:08x}", truncate(platform, 64), random >> 32)
        }
    }
}

/// The common labels with the `external` ones, sorted by name, without empty values. `lookup` returns environment variables.
pub fn common(
    lookup: impl Fn(&str) -> Option<String>,
    instance: &str,
    external: &[(String, String)],
) -> Vec<(String, String)> {
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    };
    let variable = |name| lookup(name).unwrap_or_default();
    let own = [
        ("architecture", architecture.to_owned()),
        ("function", variable("AWS_LAMBDA_FUNCTION_NAME")),
        ("instance", instance.to_owned()),
        ("memory_mb", variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")),
        ("version", variable("AWS_LAMBDA_FUNCTION_VERSION")),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    let mut labels: Vec<_> = own.into_iter().chain(external.iter().cloned()).collect();
    labels.retain(|(_, value)| !value.is_empty());
    labels.sort();
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instance_has_a_short_and_a_full_form() {
        let random = 0x0123_4567_89ab_cdef;
        assert_eq!(instance(InstanceLabel::Short, Some("82561ce0-53dd"), random), "01234567");
        assert_eq!(instance(InstanceLabel::Full, Some("82561ce0-53dd"), random), "82561ce0-53dd-01234567");
        assert_eq!(instance(InstanceLabel::Full, None, random), "0123456789abcdef");
    }

    #[test]
    fn common_labels_are_sorted_and_have_values() {
        let lookup = |name: &str| (name != "AWS_LAMBDA_FUNCTION_MEMORY_SIZE").then(|| "x".to_owned());
        let external = [("env".to_owned(), "prod".to_owned()), ("team".to_owned(), String::new())];
        let labels = common(lookup, "01234567", &external);
        let names: Vec<_> = labels.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["architecture", "env", "function", "instance", "version"]);
    }
}
