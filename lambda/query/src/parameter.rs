//! Parameters: what every operation can be told. One definition each, from which input is read, errors say what is
//! allowed, and the tool schemas and the tables of the README are made.

/// A parameter of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in the payload.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Whether the operation is nothing without it.
    pub required: bool,
    /// What it means, for people and for models.
    pub description: &'static str,
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text of at most so many bytes.
    Text(usize),
    /// A point in time.
    Timestamp,
    /// A length of time.
    Duration,
    /// A whole number from 1 to this.
    Count(usize),
    /// True or false.
    Flag,
}

impl Kind {
    /// What is allowed, as the end of a sentence.
    pub fn allowed(self) -> String {
        match self {
            Self::Text(bytes) => format!("a text of at most {bytes} bytes"),
            Self::Timestamp => {
                "an RFC 3339 time such as 2026-01-31T12:00:00Z, a date, Unix seconds, or a time \
                                relative to now such as now-1h or -6h"
                    .to_owned()
            }
            Self::Duration => "a Prometheus duration such as 15s or 1h30m, or seconds".to_owned(),
            Self::Count(most) => format!("a whole number from 1 to {most}"),
            Self::Flag => "true or false".to_owned(),
        }
    }

    /// The type in a tool schema. Timestamps and durations are declared as text, because a schema has no alternatives.
    pub fn schema_type(self) -> &'static str {
        match self {
            Self::Text(_) | Self::Timestamp | Self::Duration => "string",
            Self::Count(_) => "integer",
            Self::Flag => "boolean",
        }
    }
}

const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Parameter {
    Parameter { name, kind, required: false, description }
}

/// The API that is asked.
pub const WORKSPACE_URL: Parameter = optional(
    "workspace_url",
    Kind::Text(1_000),
    "URL of the AMP workspace, https://aps-workspaces.<region>.amazonaws.com/workspaces/<workspace id>. \
     Default: the workspace that the function is configured with.",
);

/// The API that is asked, by id.
pub const WORKSPACE_ID: Parameter = optional(
    "workspace_id",
    Kind::Text(64),
    "Id of the AMP workspace, such as ws-12345678-abcd-1234-efgh-123456789012; an alternative to workspace_url.",
);

/// The region of `workspace_id`.
pub const REGION: Parameter =
    optional("region", Kind::Text(32), "AWS region, such as us-east-1. Default: the region of the function.");

/// PromQL. The size is AMP's for a request (quota "Request size").
pub const QUERY: Parameter = Parameter {
    name: "query",
    kind: Kind::Text(1_000_000),
    required: true,
    description: "PromQL expression, such as rate(http_requests_total{status=~\"5..\"}[5m]).",
};

/// When an instant query is evaluated.
pub const TIME: Parameter = optional(
    "time",
    Kind::Timestamp,
    "Evaluation time: RFC 3339 (2026-01-31T12:00:00Z), a date, Unix seconds, or relative to now (now-1h, -6h). \
     Default: now.",
);

/// The begin of a range.
pub const START: Parameter = optional(
    "start",
    Kind::Timestamp,
    "Begin of the range: RFC 3339, a date, Unix seconds, or relative to now (now-1h, -6h). Default: one hour \
     before end.",
);

/// The end of a range.
pub const END: Parameter = optional(
    "end",
    Kind::Timestamp,
    "End of the range: RFC 3339, a date, Unix seconds, or relative to now (now-1h, -6h). Default: now.",
);

/// The resolution of a range.
pub const STEP: Parameter = optional(
    "step",
    Kind::Duration,
    "Time between two points, as a Prometheus duration (15s, 1h30m) or seconds. Default: about 250 points.",
);

/// How many series an answer has.
pub const MAX_SERIES: Parameter = optional(
    "limit",
    Kind::Count(100_000),
    "The most series to return; the answer says how many it leaves out. Default: 50 for agents, else as many as fit.",
);

/// Metric names that begin with this.
pub const PREFIX: Parameter =
    optional("prefix", Kind::Text(500), "Only metrics whose name begins with this, such as http_.");

/// Metric names that match this.
pub const REGEX: Parameter = optional(
    "regex",
    Kind::Text(500),
    "Only metrics whose whole name matches this RE2 regular expression, such as .*_seconds_(sum|count).",
);

/// Metrics with samples after this.
pub const SEEN_AFTER: Parameter = optional(
    "start",
    Kind::Timestamp,
    "Only metrics with samples after this time: RFC 3339, a date, Unix seconds, or relative to now (now-1h, -6h). \
     Default: the workspace's own.",
);

/// Metrics with samples before this.
pub const SEEN_BEFORE: Parameter = optional(
    "end",
    Kind::Timestamp,
    "Only metrics with samples before this time: RFC 3339, a date, Unix seconds, or relative to now (now-1h, -6h). \
     Default: the workspace's own.",
);

/// How many metric names a page has.
pub const MAX_METRICS: Parameter = optional(
    "limit",
    Kind::Count(100_000),
    "The most metric names in one answer. Default: 200 for agents, else as many as fit.",
);

/// The place where a page begins.
pub const NEXT_TOKEN: Parameter = optional(
    "next_token",
    Kind::Text(1_000),
    "The next_token of the answer before, for the metric names that follow it.",
);

/// Whether to add what is known of a metric.
pub const METADATA: Parameter =
    optional("metadata", Kind::Flag, "Whether to add type, help and unit of each metric. Default: false.");

/// The alias of a workspace.
pub const ALIAS: Parameter = optional(
    "alias",
    Kind::Text(100),
    "Alias of the workspace; letter case matters only between equal aliases.",
);

/// The id of a workspace to find.
pub const FIND_ID: Parameter = optional(
    "workspace_id",
    Kind::Text(64),
    "Id of the workspace, such as ws-12345678-abcd-1234-efgh-123456789012.",
);

/// Whether to list.
pub const LIST_ALL: Parameter =
    optional("list_all", Kind::Flag, "Whether to list all workspaces of the region. Default: false.");
