// An app in Java, which languages.test.ts compiles with the generated package.
package app;

import io.github.prometheuspushgateway.cdk.IotRuleOptions;
import io.github.prometheuspushgateway.cdk.IotRuleVia;
import io.github.prometheuspushgateway.cdk.NameEscaping;
import io.github.prometheuspushgateway.cdk.PrometheusPushGateway;
import io.github.prometheuspushgateway.cdk.PrometheusQueryFunctions;
import io.github.prometheuspushgateway.cdk.PrometheusTelemetryExtension;
import io.github.prometheuspushgateway.cdk.QueryOperation;
import io.github.prometheuspushgateway.cdk.TelemetryDestination;
import java.util.List;
import java.util.Map;
import software.amazon.awscdk.Stack;
import software.amazon.awscdk.services.lambda.Function;
import software.constructs.Construct;

public class MetricsStack extends Stack {
  public MetricsStack(final Construct scope, final String id, final Function fn) {
    super(scope, id);
    PrometheusPushGateway gateway = PrometheusPushGateway.Builder.create(this, "Metrics")
        .externalLabels(Map.of("env", "prod"))
        .nameEscaping(NameEscaping.REJECT)
        .build();
    gateway.addIotRule("Rule", IotRuleOptions.builder().sql("SELECT * FROM 'events'").via(IotRuleVia.FUNCTION).build());
    PrometheusQueryFunctions.Builder.create(this, "Queries")
        .workspace(gateway.getWorkspace())
        .operations(List.of(QueryOperation.QUERY))
        .build();
    PrometheusTelemetryExtension.Builder.create(this, "Telemetry")
        .destination(TelemetryDestination.workspace(gateway.getWorkspace()))
        .build()
        .addTo(fn);
  }
}
