//! `ENFORCE_LABELS` against a real Prometheus: what a caller gets of two tenants' data is what the same query gets of a
//! Prometheus that has only the caller's.

use std::path::{Path, PathBuf};

use http::Method;
use local_testing::prometheus::Prometheus;
use local_testing::prometheus::client::PrometheusClient;
use query::Enforced;
use remote_write::{LabelName, Labels, NameEscaping};
use serde_json::{Map, Value, json};

use crate::cloud::write_to;
use crate::http_api::event;
use crate::random_promql::Queries;
use crate::support::{Function, NOW_S};

const TENANT: &str = "a";

/// The data of both tenants, and of the caller alone.
struct Tenants {
    _both: Prometheus,
    own: PrometheusClient,
    _own: Prometheus,
    function: Function,
}

/// What became of the queries.
#[derive(Debug, Default)]
struct Counts {
    /// Passed on, with a result that has series.
    with_series: u32,
    /// Passed on, with another answer.
    others: u32,
    /// Refused, and Prometheus accepts them.
    refused: u32,
    /// Refused by both.
    invalid: u32,
    /// Passed on, though Prometheus refuses them: the parser reads `30s` as a number, as Prometheus 3 does.
    lenient: u32,
}

/// A request of the API, and the form that it has.
struct Request {
    path: &'static str,
    form: Vec<(&'static str, String)>,
}

impl Request {
    fn of(queries: &mut Queries) -> Self {
        let range = [("start", NOW_S - 600), ("end", NOW_S), ("step", 60)].map(|(n, s)| (n, s.to_string()));
        let (path, mut form) = match queries.below(20) {
            0 => ("series", vec![("match[]", queries.next_selector())]),
            1 => ("series", vec![("match[]", queries.next_selector()), ("match[]", queries.next_selector())]),
            2 => ("labels", vec![("match[]", queries.next_selector())]),
            3..=5 => ("query_range", vec![("query", queries.next())]),
            _ => {
                return Self {
                    path: "query",
                    form: vec![("query", queries.next()), ("time", NOW_S.to_string())],
                };
            }
        };
        form.extend(range);
        Self { path, form }
    }

    /// The request with restricted selectors.
    fn restricted(&self) -> Self {
        let name = LabelName::new("tenant", NameEscaping::Reject).expect("a name");
        let labels = Labels::new(vec![(name, TENANT.into())]).expect("one label");
        let enforced = Enforced::new(&labels);
        let restrict = |name: &'static str, value: &str| match name {
            "query" | "match[]" => enforced.restrict(name, value).expect("it was passed on"),
            _ => value.to_owned(),
        };
        let form = self.form.iter().map(|(name, value)| (*name, restrict(name, value))).collect();
        Self { path: self.path, form }
    }

    fn form(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.form).finish()
    }

    /// Whether a result may have labels that no series has: those of the matchers, also of those that are added.
    fn has_absent(&self) -> bool {
        self.form.iter().any(|(_, value)| value.contains("absent"))
    }
}

/// Both tenants have the same series with other values, and `b` has a label that `a` does not have. Some series have no
/// tenant.
fn events(tenant: Option<&str>, first: f64) -> Vec<Value> {
    let mut events = Vec::new();
    for (number, time) in (0_u32..).zip((NOW_S - 900..=NOW_S).step_by(30)) {
        for (nth, job) in [(1, "api"), (2, "db"), (3, "web")] {
            for (code, le) in [("200", "0.1"), ("500", "+Inf")] {
                let value = first + f64::from(number * nth);
                let mut dimensions = json!({"job": job, "code": code, "le": le, "path": format!("/{job}")});
                if let Some(tenant) = tenant {
                    dimensions["tenant"] = tenant.into();
                }
                if tenant == Some("b") {
                    dimensions["secret"] = "b".into();
                }
                events.push(json!({
                    "dimensions": dimensions,
                    "timestamp": time * 1_000,
                    "metrics": {
                        "up": value % 2.0,
                        "requests_total": value,
                        "latency_bucket": value * if le == "0.1" { 0.5 } else { 1.0 },
                        "job:requests:rate5m": value / 4.0,
                    },
                }));
            }
        }
        let mut shared =
            json!({"dimensions": {}, "timestamp": time * 1_000, "metrics": {"shared": first + 0.5}});
        if let Some(tenant) = tenant {
            shared["dimensions"]["tenant"] = tenant.into();
        }
        events.push(shared);
    }
    events
}

impl Tenants {
    async fn start(program: &Path) -> Self {
        let [both, own] = [Prometheus::start(program, 0).await, Prometheus::start(program, 0).await]
            .map(|prometheus| prometheus.expect("prometheus"));
        let of_caller = events(Some(TENANT), 1_000.0);
        let of_others = [events(Some("b"), 7_000_000.0), events(None, 9_000_000.0)].concat();
        write_to(&both, &of_others.into()).await;
        write_to(&both, &of_caller.clone().into()).await;
        write_to(&own, &of_caller.into()).await;
        let variables = [
            ("WORKSPACE_URL", both.url()),
            ("WORKSPACE_AUTH", "none"),
            ("HTTP_AUTH", "none"),
            ("ENFORCE_LABELS", r#"{"tenant":"a"}"#),
        ];
        let function = Function::new("api", &variables);
        let client = PrometheusClient::new(own.url()).expect("a base URL");
        Self { _both: both, own: client, _own: own, function }
    }

    /// Status and JSON of the answer to a caller.
    async fn answer(&self, request: &Request) -> (u64, Value) {
        let event = event("POST", &format!("/api/v1/{}", request.path), "", &request.form());
        let answer = self.function.invoke(event).await;
        let body = answer["body"].as_str().expect("text");
        (answer["statusCode"].as_u64().expect("a status"), serde_json::from_str(body).expect("JSON"))
    }

    /// Status and JSON of a Prometheus that has only the caller's series.
    async fn expected(&self, request: &Request) -> (u64, Value) {
        let content_type = http::HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = [(http::header::CONTENT_TYPE, content_type)];
        let path = format!("/api/v1/{}", request.path);
        let answer = self.own.send(&Method::POST, &path, &headers, request.form().into()).await;
        let answer = answer.expect("an answer");
        (answer.status.as_u16().into(), serde_json::from_slice(&answer.body).expect("JSON"))
    }

    async fn check(&self, seed: u64, counts: &mut Counts) {
        let request = Request::of(&mut Queries::new(seed));
        // Of equal values any may be chosen, by the order of a map.
        let is_by_chance = |(_, value): &(_, String)| value.contains("topk") || value.contains("bottomk");
        let mut repetitions = if request.form.iter().any(is_by_chance) { 50 } else { 0 };
        loop {
            match self.compare(&request, counts).await {
                Ok(()) => return,
                Err(_) if repetitions > 0 => repetitions -= 1,
                Err(difference) => panic!("seed {seed}: {} {:?}\n{difference}", request.path, request.form),
            }
        }
    }

    /// Counts what became of a request, or returns both answers, which differ.
    async fn compare(&self, request: &Request, counts: &mut Counts) -> Result<(), String> {
        let (status, answer) = self.answer(request).await;
        let (mut expected_status, mut expected) = self.expected(request).await;
        let is_refused = answer["error"].as_str().is_some_and(|error| error.starts_with("invalid parameter"));
        let is_lenient = status == 200 && expected_status == 400;
        counts.lenient += u32::from(is_lenient);
        if is_lenient || !is_refused && request.has_absent() {
            (expected_status, expected) = self.expected(&request.restricted()).await;
        }
        let difference = || Err(format!("{status} {answer}\n{expected_status} {expected}"));
        let is_success = expected_status == 200;
        match (is_refused, is_success) {
            (true, true) => counts.refused += 1,
            (true, false) => counts.invalid += 1,
            (false, _) => {
                let (ours, theirs) = (comparable(&answer), comparable(&expected));
                let is_others = !request.has_absent() && has_other_tenant(&ours);
                if status != expected_status || is_others || !is_same(&ours, &theirs) {
                    return difference();
                }
                let has_series = answer["data"]["result"].as_array().or(answer["data"].as_array());
                let has_series = has_series.is_some_and(|series| !series.is_empty());
                *(if has_series { &mut counts.with_series } else { &mut counts.others }) += 1;
            }
        }
        Ok(())
    }
}

/// An answer without the texts of errors and warnings, which may quote the query, and with the series in order.
fn comparable(answer: &Value) -> Value {
    let mut answer = answer.clone();
    let object = answer.as_object_mut().expect("an object");
    for text in ["error", "warnings", "infos"] {
        object.remove(text);
    }
    for pointer in ["/data", "/data/result"] {
        if let Some(Value::Array(series)) = answer.pointer_mut(pointer) {
            series.sort_by_key(|series| series.get("metric").unwrap_or(series).to_string());
        }
    }
    answer
}

/// Equal, but for the order of additions.
fn is_same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| is_same(value, other)))
        }
        (Value::String(left), Value::String(right)) if left != right => {
            match (left.parse::<f64>(), right.parse::<f64>()) {
                // Differences of nearly equal numbers are rounded.
                (Ok(left), Ok(right)) => (left - right).abs() <= 1e-9 * left.abs().max(right.abs()).max(1.0),
                _ => false,
            }
        }
        (left, right) => left == right,
    }
}

/// Whether a series has the label of another tenant, or one that only other tenants have.
fn has_other_tenant(answer: &Value) -> bool {
    let is_other = |labels: &Map<String, Value>| {
        labels.get("tenant").is_some_and(|tenant| tenant != TENANT) || labels.contains_key("secret")
    };
    match answer {
        Value::Array(values) => values.iter().any(has_other_tenant),
        Value::Object(members) => is_other(members) || members.values().any(has_other_tenant),
        Value::String(text) => text == "secret",
        _ => false,
    }
}

/// Checks the queries of `seeds` with the Prometheus of `program`.
async fn check(program: &Path, seeds: std::ops::Range<u64>) {
    let tenants = Tenants::start(program).await;
    let mut counts = Counts::default();
    let total = u32::try_from(seeds.end - seeds.start).expect("a small number");
    for seed in seeds {
        tenants.check(seed, &mut counts).await;
    }
    println!("{}: {counts:?}", program.display());
    assert!(counts.with_series > total / 5, "few queries have a result: {counts:?}");
    assert!(counts.lenient < total / 500, "the parser differs from that of Prometheus: {counts:?}");
    assert!(counts.refused < total / 50, "many valid queries are refused: {counts:?}");
}

fn installed() -> PathBuf {
    Prometheus::find().expect("a program `prometheus` in PATH, or its path in PROMETHEUS")
}

#[tokio::test]
async fn no_query_reaches_series_of_another_tenant() {
    check(&installed(), 0..2_000).await;
}

#[tokio::test]
#[ignore = "npm run conformance has the time, and Prometheus 3"]
async fn no_query_of_many_reaches_series_of_another_tenant() {
    check(&installed(), 0..100_000).await;
    if let Some(program) = std::env::var_os("PROMETHEUS3") {
        check(Path::new(&program), 100_000..200_000).await;
    }
}
