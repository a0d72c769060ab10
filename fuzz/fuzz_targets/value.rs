//! Values and timestamps against exact decimal arithmetic.
#![no_main]

use formats::event::value::{parse_number, parse_text, parse_timestamp};
use libfuzzer_sys::fuzz_target;
use push_gateway_fuzz::decimal::Decimal;

fuzz_target!(|text: &str| {
    let decimal = Decimal::read(text);
    let number = parse_number(text);
    assert_eq!(number.is_some(), decimal.is_some(), "parse_number accepts another grammar");
    if let (Some(number), Some(decimal)) = (number, &decimal) {
        assert!(!number.float.is_nan());
        assert!(decimal.rounds_to(number.float), "{:e} is not the nearest double", number.float);
        let inexact =
            number.float.is_infinite() || (decimal.is_integer && decimal.differs_from(number.float));
        assert_eq!(number.inexact, inexact, "inexact");
    }
    assert_eq!(parse_timestamp(text), decimal.and_then(|decimal| decimal.milliseconds()), "timestamp");
    let special = match text {
        "NaN" => Some(f64::NAN),
        "Inf" | "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ => number.map(|number| number.float),
    };
    let bits = |double: f64| if double.is_nan() { f64::NAN.to_bits() } else { double.to_bits() };
    assert_eq!(parse_text(text).map(|number| bits(number.float)), special.map(bits), "text");
});
