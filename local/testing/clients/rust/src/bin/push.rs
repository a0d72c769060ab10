//! Pushes and adds with the crate `prometheus`, which has no delete. Usage: push URL USER PASSWORD

use std::collections::HashMap;

use prometheus::{BasicAuthentication, Counter, Gauge, Histogram, HistogramOpts, Opts, Registry};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, username, password] =
        <[String; 3]>::try_from(arguments).map_err(|_| "expected URL USER PASSWORD")?;
    let registry = Registry::new();
    let jobs = Counter::with_opts(Opts::new("rust_jobs_total", "Jobs.").const_label("kind", "größe"))?;
    let size = Gauge::new("rust_queue_size", "Size.")?;
    let options = HistogramOpts::new("rust_duration_seconds", "Took.").buckets(vec![0.1, 1.0, 10.0]);
    let duration = Histogram::with_opts(options)?;
    registry.register(Box::new(jobs.clone()))?;
    registry.register(Box::new(size.clone()))?;
    registry.register(Box::new(duration.clone()))?;
    jobs.inc_by(3.0);
    size.set(42.5);
    for seconds in [0.05, 0.5, 5.0, 50.0] {
        duration.observe(seconds);
    }
    let authentication =
        || Some(BasicAuthentication { username: username.clone(), password: password.clone() });
    prometheus::push_metrics("rust", HashMap::new(), &url, registry.gather(), authentication())?;
    // It sends values as they are, so none has a slash.
    let group = HashMap::from(
        [("empty", String::new()), ("city", "Zürich 1+1".to_owned())].map(|(k, v)| (k.to_owned(), v)),
    );
    prometheus::push_add_metrics("rust", group, &url, registry.gather(), authentication())?;
    Ok(())
}
