// An app for the oldest and newest aws-cdk-lib. APP_ARCHITECTURE is set only if arm64, the default, is not built.
import { App, Stack } from 'aws-cdk-lib';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import {
  PrometheusPushGateway,
  PrometheusQueryFunctions,
  PrometheusTelemetryExtension,
  TelemetryDestination,
} from 'cdk-serverless-prometheus-push-gateway';

const named = process.env.APP_ARCHITECTURE;
const props = named ? { architecture: lambda.Architecture.custom(named) } : {};

const app = new App({ outdir: process.argv[2] });
const stack = new Stack(app, 'Stack');
const gateway = new PrometheusPushGateway(stack, 'Metrics', props);
const { workspace } = gateway;
const queries = new PrometheusQueryFunctions(stack, 'Queries', { workspace, ...props });
queries.addToAgentCoreGateway(
  new agentcore.Gateway(stack, 'Agents', { authorizerConfiguration: agentcore.GatewayAuthorizer.usingAwsIam() }),
);
const destination = TelemetryDestination.workspace(workspace);
new PrometheusTelemetryExtension(stack, 'Telemetry', { destination }).addTo(gateway.function);
app.synth();
