//! Order, duplicates, ages, and requests that are stored in part.

use crate::case::{Case, Tenant, case};
use crate::request::Times;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

const DUPLICATE: &str = "err: duplicate sample for timestamp ";
const TOO_OLD: &str = "err: too old sample. timestamp=";

/// Prometheus, `model/value`: the series ends here.
fn stale() -> f64 {
    f64::from_bits(0x7ff0_0000_0000_0002)
}

pub(super) fn cases(t: Times) -> Vec<Case> {
    [duplicates(t), window(t), ages(t), values(t), mixed(t), inside_a_request(t), heads(t), texts(t)]
        .into_iter()
        .flatten()
        .collect()
}

fn duplicates(t: Times) -> Vec<Case> {
    let m = |value: f64| [t.m(&[(0, value)])];
    let late = |value: f64| [t.m(&[(-30 * SECOND, value)])];
    vec![
        case("good").write(m(1.0)).stores("m +0s=1"),
        case("same ts same value").write(m(1.0)).write(m(1.0)).stores("m +0s=1"),
        case("same ts other value").write(m(1.0)).write(m(2.0)).refuses(DUPLICATE).stores("m +0s=1"),
        case("older in OOO window (-30s)").write(m(1.0)).write(late(2.0)).stores("m -30s=2 +0s=1"),
        case("older in OOO, same ts same value again")
            .write(m(1.0))
            .write(late(2.0))
            .write(late(2.0))
            .stores("m -30s=2 +0s=1"),
        case("older in OOO, same ts other value")
            .write(m(1.0))
            .write(late(2.0))
            .write(late(3.0))
            .stores("m -30s=2 +0s=1"),
        case("came in order, same ts other value in OOO")
            .write([t.m(&[(-30 * SECOND, 1.0), (0, 2.0)])])
            .write(late(3.0))
            .stores("m -30s=3 +0s=2"),
        case("came in order, same ts two other values in OOO")
            .write([t.m(&[(-30 * SECOND, 1.0), (0, 2.0)])])
            .write(late(3.0))
            .write(late(4.0))
            .stores("m -30s=3 +0s=2"),
        // A chunk takes 32 late samples.
        full_chunk(t, "late, then 30 others, then another value", 30, "m -30s=2 +0s=1"),
        full_chunk(t, "late, then 31 others, then another value", 31, "m -30s=3 +0s=1"),
        full_chunk(t, "late, then 62 others, then another value", 62, "m -30s=3 +0s=1"),
        case("NaN twice same ts").write(m(f64::NAN)).write(m(f64::NAN)).stores("m +0s=NaN"),
        case("-0 then 0 same ts").write(m(-0.0)).write(m(0.0)).stores("m +0s=0"),
    ]
}

/// Another value for a late sample after this number of other late ones, all of which are stale markers and not read back.
fn full_chunk(t: Times, name: &'static str, others: i64, stored: &'static str) -> Case {
    let others: Vec<_> = (1..=others).map(|n| (n - 30 * SECOND, stale())).collect();
    case(name)
        .write([t.m(&[(0, 1.0)])])
        .write([t.m(&[(-30 * SECOND, 2.0)])])
        .write([t.m(&others)])
        .write([t.m(&[(-30 * SECOND, 3.0)])])
        .stores(stored)
}

fn window(t: Times) -> Vec<Case> {
    let m = || [t.m(&[(0, 1.0)])];
    let two = || [t.m(&[(-5 * MINUTE, 2.0), (0, 1.0)])];
    let batch = |first: i64| [t.m(&[(first, 1.0), (-5 * SECOND, 2.0), (0, 3.0)])];
    vec![
        case("older than OOO window (-5min)")
            .write(m())
            .write([t.m(&[(-5 * MINUTE, 2.0)])])
            .refuses(TOO_OLD)
            .stores("m +0s=1"),
        case("older than OOO, same as stored")
            .write([t.m(&[(-5 * MINUTE, 2.0)])])
            .write(m())
            .write([t.m(&[(-5 * MINUTE, 2.0)])])
            .refuses(TOO_OLD)
            .stores("m -300s=2 +0s=1"),
        case("a batch of 5 min and a part of it again")
            .write(two())
            .write([t.m(&[(-5 * MINUTE, 2.0)])])
            .refuses(TOO_OLD)
            .stores("m -300s=2 +0s=1"),
        case("OOO boundary: exactly 60 s behind")
            .write(m())
            .write([t.m(&[(-MINUTE, 2.0)])])
            .stores("m -60s=2 +0s=1"),
        case("OOO boundary: 60.001 s behind")
            .write(m())
            .write([t.m(&[(-MINUTE - 1, 2.0)])])
            .refuses(TOO_OLD)
            .stores("m +0s=1"),
        case("resend of a batch, 10 s long")
            .write(batch(-10 * SECOND))
            .write(batch(-10 * SECOND))
            .stores("m -10s=1 -5s=2 +0s=3"),
        case("resend of a batch, 5 min long")
            .write(batch(-5 * MINUTE))
            .write(batch(-5 * MINUTE))
            .refuses(TOO_OLD)
            .stores("m -300s=1 -5s=2 +0s=3"),
        case("resend of a batch, 10 s long, OOO window 0")
            .limits(Tenant::NoWindow)
            .write(batch(-10 * SECOND))
            .write(batch(-10 * SECOND))
            .refuses("err: out of order sample. timestamp=")
            .stores("m -10s=1 -5s=2 +0s=3"),
        case("OOO window 0: older sample")
            .limits(Tenant::NoWindow)
            .write(m())
            .write([t.m(&[(-30 * SECOND, 2.0)])])
            .refuses("err: out of order sample. timestamp=")
            .stores("m +0s=1"),
        case("OOO window 0: 61 min behind head")
            .limits(Tenant::NoWindow)
            .write([t.n(&[(9 * MINUTE, 1.0)])])
            .write([t.m(&[(-52 * MINUTE, 2.0)])])
            .refuses("err: out of bounds. timestamp=")
            .stores("n +540s=1"),
    ]
}

fn ages(t: Times) -> Vec<Case> {
    let m = |offset: i64| [t.m(&[(offset, 2.0)])];
    let (old, new) = ("timestamp too old: ", "timestamp too new: ");
    vec![
        case("new series, behind head but in half block (-5min)")
            .write([t.m(&[(0, 1.0)])])
            .write([t.n(&[(-5 * MINUTE, 2.0)])])
            .stores("m +0s=1 | n -300s=2"),
        case("new series, 59 min behind head")
            .write([t.m(&[(0, 1.0)])])
            .write([t.n(&[(-59 * MINUTE, 2.0)])])
            .stores("m +0s=1 | n -3540s=2"),
        case("59 min old, empty head").write(m(-59 * MINUTE)).stores("m -3540s=2"),
        case("2 h old, empty head").write(m(-2 * HOUR)).refuses(old),
        case("2 h old, head at now")
            .write([t.m(&[(0, 1.0)])])
            .write([t.n(&[(-2 * HOUR, 2.0)])])
            .refuses(old)
            .stores("m +0s=1"),
        case("9 min ahead").write(m(9 * MINUTE)).stores("m +540s=2"),
        case("20 min ahead").write(m(20 * MINUTE)).refuses(new),
        case("ts 0").write(m(t.at(0))).refuses("timestamp too old: 0 metric: \"m\""),
        case("ts in seconds").write(m(t.at(t.now_ms / 1_000))).refuses(old),
        case("ts int64 max")
            .write(m(t.at(i64::MAX)))
            .refuses("timestamp too new: 9223372036854775807 metric: \"m\""),
        case("ts negative").write(m(t.at(-1_000))).refuses("timestamp too old: -1000 metric: \"m\""),
    ]
}

fn values(t: Times) -> Vec<Case> {
    vec![
        case("NaN").write([t.m(&[(0, f64::NAN)])]).stores("m +0s=NaN"),
        case("Inf").write([t.m(&[(0, f64::INFINITY)])]).stores("m +0s=+inf"),
        case("stale marker")
            .write([t.m(&[(-5 * SECOND, 1.0)])])
            .write([t.m(&[(0, stale())])])
            .stores("m -5s=1"),
    ]
}

fn mixed(t: Times) -> Vec<Case> {
    let m = |value: f64| t.m(&[(0, value)]);
    let n = |value: f64| t.n(&[(0, value)]);
    let old = || t.n(&[(-2 * HOUR, 1.0)]);
    let bad_name = || t.named("a.b", &[(0, 1.0)]);
    vec![
        case("mix: good series + missing name")
            .write([m(1.0), t.series(&[("a", "1")], &[(0, 1.0)])])
            .refuses("sample missing metric name")
            .stores("m +0s=1"),
        case("mix: good series + 2 h old series")
            .write([m(1.0), old()])
            .refuses("timestamp too old: ")
            .stores("m +0s=1"),
        case("mix: bad first, good after")
            .write([old(), m(1.0)])
            .refuses("timestamp too old: ")
            .stores("m +0s=1"),
        case("mix: good series + same ts other value")
            .write([m(1.0)])
            .write([n(3.0), m(2.0)])
            .refuses(DUPLICATE)
            .stores("m +0s=1 | n +0s=3"),
        case("mix in one series: 2 h old + good")
            .write([t.m(&[(-2 * HOUR, 1.0), (0, 2.0)])])
            .refuses("timestamp too old: "),
        case("mix in one series: too old for OOO + good")
            .write([m(1.0)])
            .write([t.m(&[(-5 * MINUTE, 2.0), (SECOND, 3.0)])])
            .refuses(TOO_OLD)
            .stores("m +0s=1 +1s=3"),
        case("mix in one series: dup other value + good")
            .write([m(1.0)])
            .write([t.m(&[(0, 2.0), (SECOND, 3.0)])])
            .refuses(DUPLICATE)
            .stores("m +0s=1 +1s=3"),
        case("two bad series: two texts?")
            .write([m(1.0)])
            .write([m(2.0), old()])
            .refuses(DUPLICATE)
            .stores("m +0s=1"),
        case("two soft errors")
            .write([m(1.0), n(1.0)])
            .write([m(2.0), t.n(&[(-5 * MINUTE, 2.0)])])
            .refuses(DUPLICATE)
            .stores("m +0s=1 | n +0s=1"),
        case("validation error first, then soft error")
            .write([m(1.0)])
            .write([bad_name(), m(2.0)])
            .refuses(DUPLICATE)
            .stores("m +0s=1"),
        case("soft error first, then validation error")
            .write([m(1.0)])
            .write([m(2.0), bad_name()])
            .refuses(DUPLICATE)
            .stores("m +0s=1"),
        case("two validation errors")
            .write([bad_name(), old()])
            .refuses("sample invalid metric name: \"a.b\""),
        case("two validation errors, other order").write([old(), bad_name()]).refuses("timestamp too old: "),
        case("same metric 3 values: good, too new, good")
            .write([t.m(&[(0, 1.0), (20 * MINUTE, 2.0), (SECOND, 3.0)])])
            .refuses("timestamp too new: "),
        case("sum of three soft errors, two good")
            .write([m(1.0), n(1.0), t.named("o", &[(0, 1.0)])])
            .write([
                m(2.0),
                n(2.0),
                t.named("o", &[(0, 2.0)]),
                t.named("p", &[(0, 3.0)]),
                t.named("q", &[(0, 4.0)]),
            ])
            .refuses("existing 1, new value 2. series={__name__=\"m\"}")
            .stores("m +0s=1 | n +0s=1 | o +0s=1 | p +0s=3 | q +0s=4"),
    ]
}

fn inside_a_request(t: Times) -> Vec<Case> {
    let two = |one: (i64, f64), other: (i64, f64)| [t.m(&[one]), t.m(&[other])];
    vec![
        case("samples unsorted in a series")
            .write([t.m(&[(0, 1.0), (-10 * SECOND, 2.0)])])
            .stores("m -10s=2 +0s=1"),
        case("samples unsorted beyond OOO").write([t.m(&[(0, 1.0), (-5 * MINUTE, 2.0)])]).stores("m +0s=1"),
        case("same ts twice in a series, same value").write([t.m(&[(0, 1.0), (0, 1.0)])]).stores("m +0s=1"),
        case("same ts twice in a series, other value").write([t.m(&[(0, 1.0), (0, 2.0)])]).stores("m +0s=1"),
        case("two TimeSeries same labels, ascending")
            .write(two((-SECOND, 1.0), (0, 2.0)))
            .stores("m -1s=1 +0s=2"),
        case("two TimeSeries same labels, same sample").write(two((0, 1.0), (0, 1.0))).stores("m +0s=1"),
        case("two TimeSeries same labels, other value").write(two((0, 1.0), (0, 2.0))).stores("m +0s=1"),
        case("two TimeSeries same labels, descending")
            .write(two((0, 2.0), (-SECOND, 1.0)))
            .stores("m -1s=1 +0s=2"),
        case("series without samples").write([t.m(&[])]),
        case("series without samples + good").write([t.n(&[]), t.m(&[(0, 1.0)])]).stores("m +0s=1"),
        case("one series, first batch wider than the OOO window (10 min)")
            .write([t.m(&[(-10 * MINUTE, 1.0), (-5 * MINUTE, 2.0), (0, 3.0)])])
            .stores("m -600s=1 -300s=2 +0s=3"),
        case("first batch: newest series first, other series 10 min older")
            .write([t.n(&[(0, 1.0)]), t.m(&[(-10 * MINUTE, 1.0), (-5 * MINUTE, 2.0)])])
            .stores("m -600s=1 -300s=2 | n +0s=1"),
    ]
}

fn heads(t: Times) -> Vec<Case> {
    let ahead = || [t.n(&[(-10 * SECOND, 1.0)]), t.m(&[(9 * MINUTE, 1.0)])];
    vec![
        case("future head +9 min, new sample of other series at now")
            .write(ahead())
            .write([t.n(&[(0, 2.0)])])
            .stores("m +540s=1 | n -10s=1 +0s=2"),
        case("future head +9 min, late sample of other series")
            .write(ahead())
            .write([t.n(&[(-20 * SECOND, 2.0)])])
            .refuses(TOO_OLD)
            .stores("m +540s=1 | n -10s=1"),
        case("future head +9 min, new series 61 min behind head")
            .write([t.m(&[(9 * MINUTE, 1.0)])])
            .write([t.n(&[(-52 * MINUTE, 2.0)])])
            .refuses(TOO_OLD)
            .stores("m +540s=1"),
        case("future head +9 min, new series 59 min behind head")
            .write([t.m(&[(9 * MINUTE, 1.0)])])
            .write([t.n(&[(-50 * MINUTE, 2.0)])])
            .stores("m +540s=1 | n -3000s=2"),
    ]
}

fn texts(t: Times) -> Vec<Case> {
    let whole = t.at(t.now_ms / 1_000 * 1_000);
    let hostile = [("__name__", "m"), ("d", "a\tb\n\"c\" zü'\u{1}\u{200b}")];
    vec![
        case("values in the text: 1e6 and 1e21 and 0.1")
            .write([t.m(&[(0, 1e6)])])
            .write([t.m(&[(0, 1e21)])])
            .refuses("overrides not allowed: existing 1e+06, new value 1e+21. series={__name__=\"m\"}")
            .stores("m +0s=1000000"),
        case("values in the text: 0.1 and 123456789.123")
            .write([t.m(&[(0, 0.1)])])
            .write([t.m(&[(0, 123_456_789.123)])])
            .refuses("overrides not allowed: existing 0.1, new value 1.23456789123e+08. series=")
            .stores("m +0s=0.1"),
        // Both are refused before they are stored, so that the text alone shows the time.
        case("timestamp text: whole second")
            .write([t.n(&[(0, 1.0)]), t.m(&[(-SECOND, 1.0)])])
            .write([t.m(&[(whole - 5 * MINUTE, 1.0)])])
            .refuses("Z, series={__name__=\"m\"}")
            .stores("m -1s=1 | n +0s=1"),
        case("timestamp text: .120")
            .write([t.n(&[(0, 1.0)]), t.m(&[(-SECOND, 1.0)])])
            .write([t.m(&[(whole - 5 * MINUTE + 120, 1.0)])])
            .refuses(".12Z, series={__name__=\"m\"}")
            .stores("m -1s=1 | n +0s=1"),
        case("tab and newline and quote in a value, refused")
            .write([t.series(&[("__name__", "a.b"), hostile[1]], &[(0, 1.0)])])
            .refuses("sample invalid metric name: \"a.b\""),
        case("tab and newline and quote in a value, duplicate")
            .write([t.series(&hostile, &[(0, 1.0)])])
            .write([t.series(&hostile, &[(0, 2.0)])])
            .refuses(r#"series={__name__="m", d="a\tb\n\"c\" zü'\x01\u200b"}"#)
            .stores("m{d=a\tb\n\"c\" …} +0s=1"),
    ]
}
