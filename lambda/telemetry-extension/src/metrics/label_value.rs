//! The fixed sets of label values.
//!
//! Values that Lambda adds later become `other`, so the number of series has a bound.

/// Defines an enum with a label value for each variant, and `Other` as the last one.
macro_rules! label_values {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the texts are documented in the schema reference")]
        pub enum $name {
            $($variant,)+
            /// Any other text.
            Other,
        }

        impl $name {
            /// All values, in the order of their indices.
            pub const ALL: &[Self] = &[$(Self::$variant,)+ Self::Other];
            /// The number of values.
            pub const COUNT: usize = Self::ALL.len();

            /// The value for a text.
            pub fn of(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    _ => Self::Other,
                }
            }

            /// The value of the label.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other => "other",
                }
            }

            /// The index in [`Self::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

label_values! {
    /// The end of a phase (schema reference, `Status`).
    Status {
        Success = "success",
        Failure = "failure",
        Error = "error",
        Timeout = "timeout",
    }
}

label_values! {
    /// The origin of an execution environment (schema reference, `InitType`; the last two are values of the variable
    /// `AWS_LAMBDA_INITIALIZATION_TYPE`).
    InitializationType {
        OnDemand = "on-demand",
        ProvisionedConcurrency = "provisioned-concurrency",
        SnapStart = "snap-start",
        ManagedInstances = "lambda-managed-instances",
    }
}

label_values! {
    /// The time of an initialization (schema reference, `InitPhase`).
    Phase {
        Init = "init",
        Invoke = "invoke",
        SnapStart = "snap-start",
    }
}

label_values! {
    /// The types of events (schema reference, first table).
    EventType {
        InitStart = "platform.initStart",
        InitRuntimeDone = "platform.initRuntimeDone",
        InitReport = "platform.initReport",
        Start = "platform.start",
        RuntimeDone = "platform.runtimeDone",
        Report = "platform.report",
        RestoreStart = "platform.restoreStart",
        RestoreRuntimeDone = "platform.restoreRuntimeDone",
        RestoreReport = "platform.restoreReport",
        ExtensionState = "platform.extension",
        TelemetrySubscription = "platform.telemetrySubscription",
        LogsDropped = "platform.logsDropped",
        Function = "function",
        Extension = "extension",
    }
}

label_values! {
    /// The outcome of a dispatch.
    DispatchOutcome {
        Delivered = "delivered",
        Rejected = "rejected",
        Failed = "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_texts_are_other() {
        for value in Status::ALL {
            assert_eq!(Status::of(value.text()), *value);
        }
        for (index, value) in EventType::ALL.iter().enumerate() {
            assert_eq!(EventType::of(value.text()), *value);
            assert_eq!(value.index(), index);
        }
        for text in ["", "SUCCESS", "success ", "crashed"] {
            assert_eq!(Status::of(text), Status::Other, "{text:?}");
        }
        assert_eq!(EventType::COUNT, 15);
    }
}
