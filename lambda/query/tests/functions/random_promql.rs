//! Random PromQL over the series of `enforced`: valid expressions of every kind, and texts that are nearly valid.

use fastrand::Rng;

/// The names of the series, one that has none, and `""` for a selector without a name.
const METRICS: [&str; 7] =
    ["up", "requests_total", "latency_bucket", "job:requests:rate5m", "shared", "unknown", ""];

const LABELS: [&str; 8] = ["tenant", "job", "code", "le", "path", "__name__", "secret", "or"];

/// As literals. The tenants of the data are `a` and `b`.
const VALUES: [&str; 14] = [
    "\"a\"",
    "\"b\"",
    "'b'",
    "`b`",
    "\"\"",
    "\"api\"",
    "\"200\"",
    "\".*\"",
    "\"a|b\"",
    "\"(?i)B\"",
    "\"\\\"} or shared{a=\\\"\"",
    "'\\'} or shared #'",
    "`\\`",
    "\"\\x62\\u0062\\142\\n\"",
];

/// Functions of one instant vector.
const FUNCTIONS: [&str; 11] = [
    "abs",
    "ceil",
    "exp",
    "sgn",
    "sort",
    "sort_desc",
    "timestamp",
    "absent",
    "day_of_week",
    "vector(1) + ",
    "-",
];

/// Functions of one range.
const OVER_TIME: [&str; 13] = [
    "rate",
    "increase",
    "irate",
    "delta",
    "deriv",
    "changes",
    "resets",
    "sum_over_time",
    "max_over_time",
    "last_over_time",
    "count_over_time",
    "present_over_time",
    "absent_over_time",
];

const AGGREGATIONS: [&str; 8] = ["sum", "min", "max", "avg", "count", "group", "stddev", "SUM"];

const LABEL_LISTS: [&str; 6] = ["job", "tenant", "job, code", "", "path, le", "__name__"];

const OPERATORS: [&str; 19] = [
    "+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=", "== bool", "> bool", "and",
    "or", "unless", "OR",
];

const NUMBERS: [&str; 8] = ["1", "-0.5", "1e3", "0x1F", "NaN", "+Inf", "0.1", "2"];

const RANGES: [&str; 5] = ["5m", "90s", "1h", "10m30s", "1d"];

/// Pieces that are inserted into a text.
const FRAGMENTS: [&str; 34] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "[5m]",
    "\"",
    "'",
    "`",
    "\\",
    "\\\"",
    "#",
    "\n",
    ",",
    " or ",
    " and ",
    "or",
    "=",
    "=~",
    "!=",
    "tenant=\"b\"",
    "{tenant=\"b\"}",
    "} or shared{",
    "\"} or shared #",
    "shared",
    "up or ",
    "é",
    "\0",
    "@ start()",
    " offset 1m",
    "by (tenant)",
    "\t",
    "\r",
];

/// A source of queries.
#[derive(Debug)]
pub(crate) struct Queries(Rng);

impl Queries {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// A query, which one time in five is not quite an expression.
    pub(crate) fn next(&mut self) -> String {
        let expression = match self.0.u8(..12) {
            0 => self.scalar(3),
            1 => self.range(2),
            2 => self.selector(),
            _ => self.vector(3),
        };
        if self.one_in(5) { self.mutated(&expression) } else { expression }
    }

    /// A selector, as `match[]` has it.
    pub(crate) fn next_selector(&mut self) -> String {
        let selector = self.selector();
        if self.one_in(4) { self.mutated(&selector) } else { selector }
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u8) -> u8 {
        self.0.u8(..limit)
    }

    fn one_in(&mut self, count: u8) -> bool {
        self.0.u8(..count) == 0
    }

    fn pick(&mut self, list: &[&'static str]) -> &'static str {
        list[self.0.usize(..list.len())]
    }

    fn vector(&mut self, depth: u8) -> String {
        if depth == 0 {
            return self.selector();
        }
        let depth = depth - 1;
        match self.0.u8(..13) {
            0 => format!("{}({})", self.pick(&FUNCTIONS), self.vector(depth)),
            1 | 2 => format!("{}({})", self.pick(&OVER_TIME), self.range(depth)),
            3 | 4 => self.aggregation(depth),
            5..=7 => self.binary(depth),
            8 => format!("({})", self.vector(depth)),
            9 => format!("-{}", self.vector(depth)),
            10 => format!("label_replace({}, \"path\", \"$1-x\", \"job\", \"(.*)\")", self.vector(depth)),
            11 => format!("histogram_quantile({}, {})", self.scalar(depth), self.vector(depth)),
            _ => format!("clamp_max({}, {})", self.vector(depth), self.scalar(depth)),
        }
    }

    fn selector(&mut self) -> String {
        let name = self.pick(&METRICS);
        let count = self.0.u8(if name.is_empty() { 1..3 } else { 0..3 });
        let matchers: Vec<_> = (0..count).map(|_| self.matcher()).collect();
        let braces = if matchers.is_empty() { String::new() } else { format!("{{{}}}", matchers.join(",")) };
        let modifier = match self.0.u8(..16) {
            0 => " offset 1m",
            1 => " offset -30s",
            2 => " @ 1700000000",
            3 => " @ end()",
            4 => " @ start() offset 2m",
            _ => "",
        };
        format!("{name}{braces}{modifier}")
    }

    fn matcher(&mut self) -> String {
        format!("{}{}{}", self.pick(&LABELS), self.pick(&["=", "=", "!=", "=~", "!~"]), self.pick(&VALUES))
    }

    fn range(&mut self, depth: u8) -> String {
        if self.one_in(3) {
            let step = self.pick(&["", "1m", "30s"]);
            return format!("({})[{}:{step}]", self.vector(depth), self.pick(&RANGES));
        }
        let name = self.pick(&METRICS[..5]);
        let braces = if self.0.bool() { format!("{{{}}}", self.matcher()) } else { String::new() };
        let offset = if self.one_in(4) { " offset 1m" } else { "" };
        format!("{name}{braces}[{}]{offset}", self.pick(&RANGES))
    }

    fn scalar(&mut self, depth: u8) -> String {
        match self.0.u8(..4) {
            0 if depth > 0 => format!("scalar({})", self.vector(depth - 1)),
            1 => "time()".to_owned(),
            2 if depth > 0 => format!("({} + {})", self.scalar(depth - 1), self.scalar(depth - 1)),
            _ => self.pick(&NUMBERS).to_owned(),
        }
    }

    fn aggregation(&mut self, depth: u8) -> String {
        let vector = self.vector(depth);
        let (name, arguments) = match self.0.u8(..6) {
            0 => (self.pick(&["topk", "bottomk"]), format!("{}, {vector}", self.scalar(depth))),
            1 => ("quantile", format!("{}, {vector}", self.scalar(depth))),
            2 => ("count_values", format!("\"value\", {vector}")),
            _ => (self.pick(&AGGREGATIONS), vector),
        };
        let labels = self.pick(&LABEL_LISTS);
        match self.0.u8(..4) {
            0 => format!("{name} by ({labels}) ({arguments})"),
            1 => format!("{name}({arguments}) without ({labels})"),
            _ => format!("{name}({arguments})"),
        }
    }

    fn binary(&mut self, depth: u8) -> String {
        // Scalars are not matched.
        let (scalar, vector) = (self.scalar(depth), self.vector(depth));
        match self.0.u8(..8) {
            0 => return format!("{scalar} {} {vector}", self.pick(&OPERATORS[..13])),
            1 => return format!("{vector} {} {scalar}", self.pick(&OPERATORS[..13])),
            _ => {}
        }
        let (left, right) = (vector, self.vector(depth));
        let labels = self.pick(&LABEL_LISTS[..4]);
        let matching = match self.0.u8(..8) {
            0 => format!(" on ({labels})"),
            1 => format!(" ignoring ({labels})"),
            2 => format!(" on ({labels}) group_left ()"),
            3 => " ignoring (code) group_right (path)".to_owned(),
            _ => String::new(),
        };
        format!("{left} {}{matching} {right}", self.pick(&OPERATORS))
    }

    /// A text with up to three pieces removed, inserted or repeated.
    fn mutated(&mut self, text: &str) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        for _ in 0..self.0.usize(1..4) {
            let at = self.0.usize(..=chars.len());
            let end = (at + self.0.usize(..6)).min(chars.len());
            match self.0.u8(..4) {
                0 => drop(chars.drain(at..end)),
                1 => {
                    let copy = chars[at..end].to_vec();
                    chars.splice(at..at, copy);
                }
                _ => {
                    let fragment = self.pick(&FRAGMENTS);
                    chars.splice(at..at, fragment.chars());
                }
            }
        }
        chars.into_iter().collect()
    }
}
