// Records with the OpenTelemetry SDK, which the variables OTEL_… configure, and exports once.
import { diag, DiagConsoleLogger, DiagLogLevel } from '@opentelemetry/api';
import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { defaultResource, detectResources, envDetector } from '@opentelemetry/resources';
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';

diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);
const isJson = process.env.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL === 'http/json';
const exporter = isJson ? new JsonExporter() : new ProtobufExporter();
const provider = new MeterProvider({
  resource: defaultResource().merge(detectResources({ detectors: [envDetector] })),
  readers: [new PeriodicExportingMetricReader({ exporter })],
  views: [{ instrumentName: 'size', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
});
const meter = provider.getMeter('clients', '1.0');
meter.createCounter('jobs', { unit: '{job}', description: 'Jobs.' }).add(3, { kind: 'größe' });
meter.createUpDownCounter('active').add(-2);
meter.createObservableGauge('temperature', { unit: 'Cel' }).addCallback((result) => result.observe(42.5));
const duration = meter.createHistogram('duration', {
  unit: 's',
  description: 'Took.',
  advice: { explicitBucketBoundaries: [0.1, 1, 10] },
});
const size = meter.createHistogram('size', { unit: 'By' });
for (const value of [0.05, 0.5, 5, 50]) {
  duration.record(value);
  size.record(value);
}
await provider.shutdown();
