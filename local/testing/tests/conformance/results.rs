//! The results of a suite: a test fails with all failures at once.

use local_testing::conformance::{self, Row, Verdict};

/// The results of the gateway in one suite.
#[derive(Debug)]
pub(crate) struct Results {
    suite: String,
    rows: Vec<Row>,
    failures: Vec<String>,
}

impl Results {
    pub(crate) fn new(suite: impl Into<String>) -> Self {
        Self { suite: suite.into(), rows: Vec::new(), failures: Vec::new() }
    }

    /// Adds a case that passed, or failed for a reason.
    pub(crate) fn add(&mut self, case: impl Into<String>, result: Result<(), String>) {
        let case = case.into();
        let verdict = match result {
            Ok(()) => Verdict::Passed,
            Err(reason) => {
                self.failures.push(format!("{case}: {reason}"));
                Verdict::Failed
            }
        };
        self.push(case, verdict);
    }

    /// Adds a case that is not applicable, for a reason.
    pub(crate) fn exclude(&mut self, case: impl Into<String>, reason: &str) {
        self.push(case.into(), Verdict::NotApplicable(reason.to_owned()));
    }

    /// Adds a case in which the gateway differs for a reason, or another way than that: a failure.
    pub(crate) fn differ(&mut self, case: impl Into<String>, reason: &str, result: Result<(), String>) {
        match result {
            Ok(()) => self.push(case.into(), Verdict::Differs(reason.to_owned())),
            Err(_) => self.add(case, result),
        }
    }

    fn push(&mut self, case: String, verdict: Verdict) {
        self.rows.push(Row { case, target: "gateway", verdict });
    }

    /// Records the results, and panics if there are failures.
    pub(crate) fn finish(self) {
        conformance::record(&self.suite, &self.rows).expect("the results are written");
        let (failed, cases) = (self.failures.len(), self.rows.len());
        assert!(failed == 0, "{failed} of {cases} cases failed:\n\n{}", self.failures.join("\n\n"));
    }
}
