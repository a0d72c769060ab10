import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.Counter;
import io.prometheus.client.Gauge;
import io.prometheus.client.Histogram;
import io.prometheus.client.exporter.BasicAuthHttpConnectionFactory;
import io.prometheus.client.exporter.PushGateway;
import java.net.URL;
import java.util.Map;

/** Pushes, adds and deletes with simpleclient. Arguments: URL USER PASSWORD. */
class Simpleclient {
    public static void main(String[] arguments) throws Exception {
        CollectorRegistry registry = new CollectorRegistry();
        Counter.build().name("simpleclient_jobs_total").help("Jobs.").labelNames("kind").register(registry)
            .labels("größe").inc(3);
        Gauge.build().name("simpleclient_queue_size").help("Size.").register(registry).set(42.5);
        Histogram duration = Histogram.build().name("simpleclient_duration_seconds").help("Took.")
            .buckets(0.1, 1, 10).register(registry);
        for (double seconds : new double[] {0.05, 0.5, 5, 50}) {
            duration.observe(seconds);
        }
        PushGateway gateway = new PushGateway(new URL(arguments[0]));
        gateway.setConnectionFactory(new BasicAuthHttpConnectionFactory(arguments[1], arguments[2]));
        gateway.push(registry, "simpleclient");
        Map<String, String> group = Map.of("path", "a/b", "empty", "", "city", "Zürich 1+1");
        gateway.pushAdd(registry, "simpleclient", group);
        gateway.delete("simpleclient", group);
    }
}
