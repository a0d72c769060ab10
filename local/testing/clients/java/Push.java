import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.exporter.pushgateway.PushGateway;
import io.prometheus.metrics.model.registry.PrometheusRegistry;

/** Pushes, adds and deletes with client_java 1.x. Arguments: URL USER PASSWORD. */
class Push {
    public static void main(String[] arguments) throws Exception {
        PrometheusRegistry registry = new PrometheusRegistry();
        Counter.builder().name("java_jobs_total").help("Jobs.").labelNames("kind").register(registry)
            .labelValues("größe").inc(3);
        Gauge.builder().name("java_queue_size").help("Size.").register(registry).set(42.5);
        Histogram duration = Histogram.builder().name("java_duration_seconds").help("Took.")
            .classicOnly().classicUpperBounds(0.1, 1, 10).register(registry);
        for (double seconds : new double[] {0.05, 0.5, 5, 50}) {
            duration.observe(seconds);
        }
        builder(arguments, registry).build().push();
        PushGateway group = builder(arguments, registry).groupingKey("path", "a/b").groupingKey("empty", "")
            .groupingKey("city", "Zürich 1+1").build();
        group.pushAdd();
        group.delete();
    }

    private static PushGateway.Builder builder(String[] arguments, PrometheusRegistry registry) {
        return PushGateway.builder().address(arguments[0].replace("http://", "")).job("java").registry(registry)
            .basicAuth(arguments[1], arguments[2]);
    }
}
