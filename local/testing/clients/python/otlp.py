"""Records with the OpenTelemetry SDK, which the variables OTEL_… configure, and exports once."""

import logging
import os

from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

if os.environ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"] == "http/json":
    from opentelemetry.exporter.otlp.json.http.metric_exporter import OTLPMetricExporter
else:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

logging.basicConfig(level=logging.ERROR)
exponential = View(instrument_name="size", aggregation=ExponentialBucketHistogramAggregation())
provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], views=[exponential])
meter = provider.get_meter("clients", "1.0")
meter.create_counter("jobs", "{job}", "Jobs.").add(3, {"kind": "größe"})
meter.create_up_down_counter("active").add(-2)
meter.create_observable_gauge("temperature", [lambda _: [Observation(42.5)]], "Cel")
duration = meter.create_histogram("duration", "s", "Took.", explicit_bucket_boundaries_advisory=[0.1, 1, 10])
size = meter.create_histogram("size", "By")
for value in [0.05, 0.5, 5, 50]:
    duration.record(value)
    size.record(value)
provider.shutdown()
