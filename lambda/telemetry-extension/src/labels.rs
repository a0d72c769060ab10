//! Labels: what all series of one execution environment have in common.
//!
//! Whoever queries sums over `instance`: `sum without (instance) (…)`. A random label for each process is what keeps
//! the counters of environments apart that live side by side, and of one that is set up again after a failure.

/// The labels that metrics have for themselves, or that name the group in a Pushgateway. Nobody else may set them.
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

/// What the environment says of the function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its memory in MB, as text.
    pub memory_mb: String,
}

/// How much of the environment's identity the label `instance` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InstanceLabel {
    /// Eight random hexadecimal digits.
    #[default]
    Short,
    /// The platform's name for the environment as well, if it has said it in time.
    Full,
}

/// The label `instance`. `random` has to be drawn after the environment was restored from a snapshot, or all that
/// come from it would have the same.
pub fn instance(label: InstanceLabel, platform: Option<&str>, random: u64) -> String {
    match (label, platform) {
        (InstanceLabel::Short, _) => format!("{:08x}", random >> 32),
        (InstanceLabel::Full, None) => format!("{random:016x}"),
        // The platform may set the same environment up again, with counters that begin at zero.
        (InstanceLabel::Full, Some(platform)) => {
            let platform: String = platform.chars().take(64).collect();
            format!("{platform}-{:08x}", random >> 32)
        }
    }
}

/// The common labels, sorted by name, without empty values, `external` ones among them.
pub fn common(function: &Function, instance: &str, external: &[(String, String)]) -> Vec<(String, String)> {
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    };
    let own = [
        ("architecture", architecture),
        ("function", &function.name),
        ("instance", instance),
        ("memory_mb", &function.memory_mb),
        ("version", &function.version),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut labels: Vec<_> = own.into_iter().chain(external.iter().cloned()).collect();
    labels.retain(|(_, value)| !value.is_empty());
    labels.sort();
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instance_is_short_unless_asked_otherwise() {
        let random = 0x0123_4567_89ab_cdef;
        assert_eq!(instance(InstanceLabel::Short, Some("82561ce0-53dd"), random), "01234567");
        assert_eq!(instance(InstanceLabel::Full, Some("82561ce0-53dd"), random), "82561ce0-53dd-01234567");
        assert_eq!(instance(InstanceLabel::Full, None, random), "0123456789abcdef");
    }

    #[test]
    fn common_labels_are_sorted_and_not_empty() {
        let function =
            Function { name: "shop".to_owned(), version: "7".to_owned(), memory_mb: String::new() };
        let external = [("env".to_owned(), "prod".to_owned()), ("team".to_owned(), String::new())];
        let labels = common(&function, "01234567", &external);
        let names: Vec<_> = labels.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["architecture", "env", "function", "instance", "version"]);
    }
}
