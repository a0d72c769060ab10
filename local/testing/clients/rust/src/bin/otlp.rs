//! Records with the OpenTelemetry SDK, which the variables OTEL_… configure, and exports once.

use opentelemetry::InstrumentationScope;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::metrics::{Aggregation, Instrument, SdkMeterProvider, Stream};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).init();
    let exponential = |instrument: &Instrument| {
        let aggregation =
            Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 20, record_min_max: true };
        (instrument.name() == "size").then(|| Stream::builder().with_aggregation(aggregation).build().ok())?
    };
    let provider = SdkMeterProvider::builder()
        .with_periodic_exporter(MetricExporter::builder().with_http().build()?)
        .with_view(exponential)
        .build();
    let meter =
        provider.meter_with_scope(InstrumentationScope::builder("clients").with_version("1.0").build());
    let jobs = meter.u64_counter("jobs").with_unit("{job}").with_description("Jobs.").build();
    jobs.add(3, &[KeyValue::new("kind", "größe")]);
    meter.i64_up_down_counter("active").build().add(-2, &[]);
    meter.f64_gauge("temperature").with_unit("Cel").build().record(42.5, &[]);
    let duration = meter.f64_histogram("duration").with_unit("s").with_description("Took.");
    let duration = duration.with_boundaries(vec![0.1, 1.0, 10.0]).build();
    let size = meter.f64_histogram("size").with_unit("By").build();
    for value in [0.05, 0.5, 5.0, 50.0] {
        duration.record(value, &[]);
        size.record(value, &[]);
    }
    // Its shutdown waits for at most 5 s.
    provider.force_flush()?;
    provider.shutdown()?;
    Ok(())
}
