// Package app is a Go app, which languages.test.ts compiles with the generated package.
package app

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/serverless-prometheus-push-gateway/cdk-go/pushgateway"
)

// NewMetricsStack makes a stack with a gateway, functions that query, and the metrics of fn.
func NewMetricsStack(scope constructs.Construct, id string, fn awslambda.Function) awscdk.Stack {
	stack := awscdk.NewStack(scope, &id, nil)
	gateway := pushgateway.NewPrometheusPushGateway(stack, jsii.String("Metrics"), &pushgateway.PrometheusPushGatewayProps{
		ExternalLabels: &map[string]*string{"env": jsii.String("prod")},
		NameEscaping:   pushgateway.NameEscaping_REJECT,
	})
	gateway.AddIotRule(jsii.String("Rule"), &pushgateway.IotRuleOptions{
		Sql: jsii.String("SELECT * FROM 'events'"),
		Via: pushgateway.IotRuleVia_FUNCTION,
	})
	pushgateway.NewPrometheusQueryFunctions(stack, jsii.String("Queries"), &pushgateway.PrometheusQueryFunctionsProps{
		Workspace:  gateway.Workspace(),
		Operations: &[]pushgateway.QueryOperation{pushgateway.QueryOperation_QUERY},
	})
	telemetry := pushgateway.NewPrometheusTelemetryExtension(stack, jsii.String("Telemetry"), &pushgateway.PrometheusTelemetryExtensionProps{
		Destination: pushgateway.TelemetryDestination_Workspace(gateway.Workspace()),
	})
	telemetry.AddTo(fn)
	return stack
}
