//! Memory against Prometheus: the same samples, the same questions, the same answers.

use serde_json::Value;

use crate::reader::get;
use crate::sender::{MINUTE_MS, NOW_MS, check, series, stand_in};
use crate::support::{in_front_of, prometheus};
use local_amp::AmpStandIn;
use local_amp::proto::TimeSeries;

const STALE_NAN: u64 = 0x7ff0_0000_0000_0002;

/// Series with odd labels and values, of different ages.
fn all_series() -> Vec<TimeSeries> {
    let values = [
        0.0,
        -0.0,
        1.0,
        0.1,
        -12.5,
        1e-6,
        9.99e-7,
        1e-7,
        5e-324,
        123_456_789.123,
        1e20,
        1e21,
        1.5e300,
        f64::MAX,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    let mut all: Vec<TimeSeries> = values
        .iter()
        .enumerate()
        .map(|(n, value)| series(&[("__name__", "value"), ("n", &n.to_string())], &[(NOW_MS, *value)]))
        .collect();
    let (ended, started) = (f64::from_bits(STALE_NAN), NOW_MS - 4 * MINUTE_MS);
    all.extend([
        series(
            &[("__name__", "ended"), ("site", "north")],
            &[(NOW_MS - 10_000, 1.0), (NOW_MS - 5_000, ended)],
        ),
        series(
            &[("__name__", "again"), ("site", "north")],
            &[(NOW_MS - 10_000, 1.0), (NOW_MS - 5_000, ended), (NOW_MS - 1, 2.0)],
        ),
        series(
            &[("__name__", "steps"), ("site", "south")],
            &[(started, 1.0), (NOW_MS - 60_000, 2.0), (NOW_MS, 3.0)],
        ),
        series(&[("__name__", "job:old:sum"), ("site", "")][..1], &[(NOW_MS - 50 * MINUTE_MS, 1.0)]),
        series(&[("__name__", "odd"), ("text", "quote\" back\\slash")], &[(NOW_MS, 1.0)]),
        series(&[("__name__", "odd"), ("text", "línea 😀, {a=\"b\"}")], &[(NOW_MS, 2.0)]),
        series(&[("__name__", "odd"), ("site", "west"), ("text", "a.b")], &[(NOW_MS, 3.0)]),
        series(&[("Zone", "z"), ("__name__", "odd"), ("_x1", "1")], &[(NOW_MS, 4.0)]),
    ]);
    all
}

/// Vectors and series have no order of their own.
fn sorted(mut answer: Value) -> Value {
    let data = &mut answer["data"];
    let list = if data.is_object() { &mut data["result"] } else { data };
    if let Some(list) = list.as_array_mut() {
        list.sort_by_key(ToString::to_string);
    }
    answer
}

struct Both {
    memory: AmpStandIn,
    prometheus: AmpStandIn,
}

impl Both {
    async fn with(all: &[TimeSeries], url: &str) -> Self {
        let both = Self { memory: stand_in(|_| ()).await, prometheus: in_front_of(url, |_| ()).await };
        for amp in [&both.memory, &both.prometheus] {
            check(amp, all, 200, "").await;
        }
        both
    }

    /// Asks both, expects the same, and says how much they found.
    async fn agree(&self, path: &str, parameters: &[(&str, &str)]) -> usize {
        let (status, answer) = get(&self.memory, path, parameters).await;
        let (expected_status, expected) = get(&self.prometheus, path, parameters).await;
        assert_eq!(status, expected_status, "{path} {parameters:?}: {answer} {expected}");
        let (answer, expected) = (sorted(answer), sorted(expected));
        assert_eq!(answer, expected, "{path} {parameters:?}");
        let data = &answer["data"];
        if data.is_object() { &data["result"] } else { data }.as_array().map_or(0, Vec::len)
    }

    /// Both refuse, each in words of its own.
    async fn refuse(&self, path: &str, parameters: &[(&str, &str)]) {
        for amp in [&self.memory, &self.prometheus] {
            let (status, answer) = get(amp, path, parameters).await;
            assert_eq!(
                (status, &answer["errorType"]),
                (400, &Value::from("bad_data")),
                "{path} {parameters:?}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn memory_finds_what_prometheus_finds_by_instant_selectors() {
    let prometheus = prometheus().await;
    let both = Both::with(&all_series(), prometheus.url()).await;
    let at = |text: &'static str| ("time", text);
    let now = at("1676398017");
    for (query, found) in [
        ("value", 17),
        ("{__name__=\"value\"}", 17),
        ("value{n=\"0\"}", 1),
        ("value{n!=\"0\"}", 16),
        ("value{n=~\"1.?\"}", 8),
        ("value{n=~\"1\"}", 1),
        ("value{n!~\"1.*\",}", 9),
        ("value{n=~'[0-3]', n!='2'}", 3),
        (" value { n = `4` } ", 1),
        ("value # all of them", 17),
        ("value{missing=\"\"}", 17),
        ("value{missing!=\"\"}", 0),
        ("value{missing=~\"|x\"}", 17),
        ("value{missing=~\".+\"}", 0),
        ("value{missing!~\".+\"}", 17),
        ("ended", 0),
        ("again", 1),
        ("steps", 1),
        ("job:old:sum", 0),
        ("nothing", 0),
        ("odd", 4),
        ("odd{site=\"\"}", 3),
        ("odd{text=\"quote\\\" back\\\\slash\"}", 1),
        ("odd{text='quote\" back\\\\slash'}", 1),
        ("odd{text=`quote\" back\\slash`}", 1),
        ("odd{text=\"l\\u00ednea \\U0001F600, {a=\\\"b\\\"}\"}", 1),
        ("odd{text=\"l\\303\\255nea \\xf0\\x9f\\x98\\x80, {a=\\x22b\\x22}\"}", 1),
        ("odd{text=~\"l.nea ., .*\"}", 1),
        ("odd{text=\"a.b\"}", 1),
        ("odd{text=~\"a\\\\.b\"}", 1),
        ("odd{text=~`a\\.b|a\\.c`}", 1),
        ("odd{text=~\"(?i)A.B\"}", 1),
        ("{Zone=\"z\", _x1!~\"[^1]\"}", 1),
        ("{site=~\"north|south\"}", 2),
        ("{__name__=~\"o.*|s.*\", __name__!=\"odd\"}", 1),
        ("sum", 0),
    ] {
        assert_eq!(both.agree("query", &[("query", query), now]).await, found, "{query}");
    }
    for (query, time, found) in [
        ("steps", at("1676397956.999"), 1),
        ("steps", at("1676397957"), 1),
        ("steps", at("1676397776.999"), 0),
        ("steps", at("1676398316.999"), 1),
        ("steps", at("1676398317.001"), 0),
        ("steps", at("2023-02-14T18:06:57Z"), 1),
        ("steps", at("2023-02-14T19:06:56.5+01:00"), 1),
        ("ended", at("1676398011.999"), 1),
        ("ended", at("1676398012"), 0),
        ("job:old:sum", at("1676395017"), 1),
        ("again", at("1.676398016e9"), 0),
        ("again", at("1676398016.999"), 1),
    ] {
        assert_eq!(both.agree("query", &[("query", query), time]).await, found, "{query} {time:?}");
    }
}

#[tokio::test]
async fn memory_lists_the_series_and_labels_that_prometheus_lists() {
    let prometheus = prometheus().await;
    let all = all_series();
    let both = Both::with(&all, prometheus.url()).await;
    let any = ("match[]", "{__name__=~\".+\"}");
    assert_eq!(both.agree("series", &[any]).await, all.len());
    assert_eq!(both.agree("series", &[("match[]", "odd"), ("match[]", "{site=\"west\"}")]).await, 4);
    assert_eq!(both.agree("series", &[("match[]", "odd"), ("match[]", "steps")]).await, 5);
    assert_eq!(both.agree("series", &[("match[]", "nothing")]).await, 0);
    assert_eq!(both.agree("series", &[any, ("end", "1676395017")]).await, 1, "only the old one");
    assert_eq!(
        both.agree("series", &[any, ("start", "1676395018"), ("end", "1676397900")]).await,
        1,
        "steps"
    );
    assert_eq!(both.agree("series", &[any, ("start", "2023-02-14T18:06:57Z")]).await, 22);
    assert_eq!(both.agree("series", &[any, ("start", "1676398018")]).await, 0);

    assert_eq!(both.agree("labels", &[]).await, 6);
    assert_eq!(both.agree("labels", &[("match[]", "odd{site=\"west\"}")]).await, 3);
    assert_eq!(both.agree("labels", &[("match[]", "steps"), ("match[]", "value")]).await, 3);
    assert_eq!(both.agree("labels", &[("match[]", "nothing")]).await, 0);
    assert_eq!(both.agree("label/__name__/values", &[]).await, 6);
    assert_eq!(both.agree("label/text/values", &[]).await, 3);
    assert_eq!(both.agree("label/site/values", &[("match[]", "odd")]).await, 1);
    assert_eq!(both.agree("label/missing/values", &[]).await, 0);
    both.agree("metadata", &[]).await;
}

#[tokio::test]
async fn memory_refuses_what_prometheus_refuses() {
    let prometheus = prometheus().await;
    let both = Both::with(&all_series(), prometheus.url()).await;
    for query in [
        "",
        "{}",
        "{a=\"\"}",
        "{a=~\".*\"}",
        "odd{",
        "odd{text}",
        "odd{text=}",
        "odd{text=a}",
        "odd{text=\"a}",
        "odd{text=\"\\q\"}",
        "odd{text='\\\"'}",
        "odd{text=\"a\nb\"}",
        "odd{text=~\"(\"}",
        "odd{text=~\"a)(b\"}",
        "odd{,}",
        "odd{text=\"a\",,}",
        "odd{text=\"a\" site=\"b\"}",
        "odd{te-xt=\"a\"}",
        "odd{text=\"\\400\"}",
    ] {
        both.refuse("query", &[("query", query), ("time", "1676398017")]).await;
        both.refuse("series", &[("match[]", query)]).await;
    }
    for time in
        ["noon", "2023-02-14", "2023-02-30T00:00:00Z", "2023-02-14T18:06:57", "2023-02-14T18:06:57+0100"]
    {
        both.refuse("query", &[("query", "odd"), ("time", time)]).await;
        both.refuse("labels", &[("start", time)]).await;
    }
    both.refuse("query", &[("query", "odd{__name__=\"even\"}")]).await;
    both.refuse("series", &[]).await;
    both.refuse("series", &[("match[]", "rate(odd[5m])")]).await;
    both.refuse("labels", &[("match[]", "{site=\"\"}")]).await;
}
