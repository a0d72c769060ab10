//! Numbers as the original software writes them, which is written in Go.
//!
//! In: a double. Out: the fewest digits that read back as the same double, with or without an exponent.

/// What `%v` makes of a double in error texts: an exponent from a million on, and below 0.0001.
pub(super) fn in_error_text(value: f64) -> String {
    let magnitude = value.abs();
    if value.is_finite() && magnitude != 0.0 && !(1e-4..1e6).contains(&magnitude) {
        return with_exponent(value);
    }
    without_exponent(value)
}

/// What the query API makes of a sample's value (Prometheus, `jsonutil.MarshalFloat`): an exponent from 1e21 on,
/// and below 0.000001.
pub(super) fn in_query_result(value: f64) -> String {
    let magnitude = value.abs();
    if value.is_finite() && magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        return with_exponent(value);
    }
    without_exponent(value)
}

fn without_exponent(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        // Rust says `NaN` as well, and never uses an exponent here.
        _ => value.to_string(),
    }
}

/// Go gives the exponent a sign and at least two digits.
fn with_exponent(value: f64) -> String {
    let text = format!("{value:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quota pages and logs of AMP show `6666.66` and `170000`; Go prints a million as `1e+06`.
    #[test]
    fn a_limit_has_an_exponent_from_a_million_on() {
        let written = [6_666.66, 170_000.0, 1e6, 1_666_666.0, 0.5, 0.000_01, 0.0].map(in_error_text);
        assert_eq!(written, ["6666.66", "170000", "1e+06", "1.666666e+06", "0.5", "1e-05", "0"]);
    }

    /// Prometheus, `jsonutil.MarshalFloat`.
    #[test]
    fn a_value_has_an_exponent_only_where_prometheus_gives_it_one() {
        let values = [1.0, -0.0, 0.1, 1e-6, 9.9e-7, 1e20, 1e21, -1.5e300, 5e-324, f64::NAN, f64::INFINITY];
        let written = values.map(in_query_result);
        let expected = ["1", "-0", "0.1", "0.000001", "9.9e-07", "100000000000000000000", "1e+21"];
        assert_eq!(written[..7], expected);
        assert_eq!(written[7..], ["-1.5e+300", "5e-324", "NaN", "+Inf"]);
        assert_eq!(in_query_result(f64::NEG_INFINITY), "-Inf");
    }
}
