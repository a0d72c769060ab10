import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.DoubleHistogram;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.metrics.Aggregation;
import io.opentelemetry.sdk.metrics.InstrumentSelector;
import io.opentelemetry.sdk.metrics.View;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;

/** Records with the OpenTelemetry SDK, which the variables OTEL_… configure, and exports once. */
class Otlp {
    /** It warns of a `service.instance.id` that a variable sets. */
    private static final Logger RESOURCES = Logger.getLogger("io.opentelemetry.sdk.resources.ResourceBuilder");

    public static void main(String[] arguments) {
        RESOURCES.setLevel(Level.SEVERE);
        OpenTelemetrySdk sdk = AutoConfiguredOpenTelemetrySdk.builder()
            .addMeterProviderCustomizer((provider, properties) -> provider.registerView(
                InstrumentSelector.builder().setName("size").build(),
                View.builder().setAggregation(Aggregation.base2ExponentialBucketHistogram()).build()))
            .disableShutdownHook().build().getOpenTelemetrySdk();
        Meter meter = sdk.meterBuilder("clients").setInstrumentationVersion("1.0").build();
        meter.counterBuilder("jobs").setUnit("{job}").setDescription("Jobs.").build()
            .add(3, Attributes.of(AttributeKey.stringKey("kind"), "größe"));
        meter.upDownCounterBuilder("active").build().add(-2);
        meter.gaugeBuilder("temperature").setUnit("Cel").build().set(42.5);
        DoubleHistogram duration = meter.histogramBuilder("duration").setUnit("s").setDescription("Took.")
            .setExplicitBucketBoundariesAdvice(List.of(0.1, 1.0, 10.0)).build();
        DoubleHistogram size = meter.histogramBuilder("size").setUnit("By").build();
        for (double value : new double[] {0.05, 0.5, 5, 50}) {
            duration.record(value);
            size.record(value);
        }
        // Its shutdown waits for at most 10 s.
        if (!sdk.getSdkMeterProvider().forceFlush().join(1, TimeUnit.MINUTES).isSuccess()) {
            System.exit(1);
        }
        sdk.close();
    }
}
