//! Words: the bounded sets of label values. A text of the wire → one of a few words, `other` if it is none of them.
//!
//! What Lambda adds to a set one day becomes `other` and not a new series, so the number of series has a bound.

/// Defines an enum of words: its variants, their texts, and `Other` as the last one.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// Anything else.
            Other,
        }

        impl $name {
            /// Every word, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant,)+ Self::Other];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The word of a text.
            pub fn of(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    _ => Self::Other,
                }
            }

            /// The text of the word, which is the label's value.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other => "other",
                }
            }

            /// Its place in [`Self::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

words! {
    /// How a phase ended (schema reference, `Status`).
    Status {
        /// It ended well.
        Success = "success",
        /// The process ended, as by `Runtime.ExitError`.
        Failure = "failure",
        /// The function reported an error.
        Error = "error",
        /// It took longer than the function's time-out.
        Timeout = "timeout",
    }
}

words! {
    /// How an execution environment came to be (schema reference, `InitType`; the last two are values of the variable
    /// `AWS_LAMBDA_INITIALIZATION_TYPE`).
    InitializationType {
        /// For an invocation that found no environment.
        OnDemand = "on-demand",
        /// In advance.
        ProvisionedConcurrency = "provisioned-concurrency",
        /// From a snapshot.
        SnapStart = "snap-start",
        /// On an instance of the owner's.
        ManagedInstances = "lambda-managed-instances",
    }
}

words! {
    /// When the initialisation ran (schema reference, `InitPhase`).
    Phase {
        /// Before the first invocation.
        Init = "init",
        /// During an invocation, after a failure.
        Invoke = "invoke",
        /// When a version was published, for its snapshot.
        SnapStart = "snap-start",
    }
}

words! {
    /// The types of events (schema reference, first table).
    EventType {
        /// An initialisation begins.
        InitStart = "platform.initStart",
        /// The runtime is initialised.
        InitRuntimeDone = "platform.initRuntimeDone",
        /// An initialisation is over.
        InitReport = "platform.initReport",
        /// An invocation begins.
        Start = "platform.start",
        /// The runtime is done with an invocation.
        RuntimeDone = "platform.runtimeDone",
        /// An invocation is over.
        Report = "platform.report",
        /// A restoration begins.
        RestoreStart = "platform.restoreStart",
        /// The runtime is restored.
        RestoreRuntimeDone = "platform.restoreRuntimeDone",
        /// A restoration is over.
        RestoreReport = "platform.restoreReport",
        /// An extension registered.
        ExtensionState = "platform.extension",
        /// An extension subscribed.
        TelemetrySubscription = "platform.telemetrySubscription",
        /// Lambda dropped events.
        LogsDropped = "platform.logsDropped",
        /// A line that the function logged.
        Function = "function",
        /// A line that an extension logged.
        Extension = "extension",
    }
}

words! {
    /// What became of a dispatch.
    DispatchOutcome {
        /// The destination has it.
        Delivered = "delivered",
        /// The destination refused the data.
        Rejected = "rejected",
        /// There was no answer, or one that means to try again later.
        Failed = "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_by_its_text_and_anything_else_is_other() {
        for word in Status::ALL {
            assert_eq!(Status::of(word.text()), *word);
        }
        for (index, word) in EventType::ALL.iter().enumerate() {
            assert_eq!(EventType::of(word.text()), *word);
            assert_eq!(word.index(), index);
        }
        for text in ["", "SUCCESS", "success ", "crashed"] {
            assert_eq!(Status::of(text), Status::Other, "{text:?}");
        }
        assert_eq!(EventType::COUNT, 15);
    }
}
