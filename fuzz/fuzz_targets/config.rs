//! The environment, as lines of `NAME=value`: an accepted configuration is usable, and any other has an error of one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use push_gateway::config::Config;
use push_gateway_fuzz::names::is_label_name;

fuzz_target!(|lines: &str| {
    let lookup = |name: &str| {
        let mut pairs = lines.split('\n').filter_map(|line| line.split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    };
    let config = match Config::from_lookup(lookup) {
        Ok(config) => config,
        Err(error) => {
            let message = error.to_string();
            assert_eq!(message.lines().count(), 1, "{message}");
            assert!(message.contains('_'), "it names no variable: {message}");
            return;
        }
    };
    let uri = config.remote_write.uri();
    assert!(matches!(uri.scheme_str(), Some("http" | "https")), "{uri}");
    assert!(uri.host().is_some_and(|host| !host.is_empty()), "{uri}");
    assert!(uri.path().len() > 1, "{uri}");
    assert!(!uri.authority().is_some_and(|authority| authority.as_str().contains('@')), "{uri}");
    if let Some(scope) = &config.auth {
        assert!(!scope.region.trim().is_empty(), "no region to sign for");
    }
    if let Some(queue) = &config.dead_letter_queue {
        assert!(!queue.region.trim().is_empty(), "no region to sign for");
    }
    assert!((1..=600).contains(&config.max_future.as_secs()), "{:?}", config.max_future);
    let labels: Vec<_> = config.external_labels.iter().collect();
    assert!(labels.windows(2).all(|pair| pair[0].0 < pair[1].0), "{labels:?}");
    for (name, value) in labels {
        assert!(is_label_name(name) && name != "__name__" && !value.is_empty(), "{name}={value}");
    }
});
