// Records with the OpenTelemetry SDK, which the variables OTEL_… configure, and exports once.
package main

import (
	"context"
	"log"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
)

func main() {
	ctx := context.Background()
	exporter := must(otlpmetrichttp.New(ctx))
	exponential := sdk.NewView(
		sdk.Instrument{Name: "size"},
		sdk.Stream{Aggregation: sdk.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}})
	provider := sdk.NewMeterProvider(sdk.WithReader(sdk.NewPeriodicReader(exporter)), sdk.WithView(exponential))
	meter := provider.Meter("clients", metric.WithInstrumentationVersion("1.0"))
	must(meter.Int64Counter("jobs", metric.WithUnit("{job}"), metric.WithDescription("Jobs."))).
		Add(ctx, 3, metric.WithAttributes(attribute.String("kind", "größe")))
	must(meter.Int64UpDownCounter("active")).Add(ctx, -2)
	must(meter.Float64Gauge("temperature", metric.WithUnit("Cel"))).Record(ctx, 42.5)
	duration := must(meter.Float64Histogram("duration", metric.WithUnit("s"), metric.WithDescription("Took."),
		metric.WithExplicitBucketBoundaries(0.1, 1, 10)))
	size := must(meter.Float64Histogram("size", metric.WithUnit("By")))
	for _, value := range []float64{0.05, 0.5, 5, 50} {
		duration.Record(ctx, value)
		size.Record(ctx, value)
	}
	if err := provider.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
