// Writes the constructs with their defaults as one CloudFormation template, with parameters for the code, for use without
// the CDK. Usage: template.js FILE

const fs = require('node:fs');
const { App, CfnOutput, CfnParameter, DefaultStackSynthesizer, Stack } = require('aws-cdk-lib');
const { Template } = require('aws-cdk-lib/assertions');
const lambda = require('aws-cdk-lib/aws-lambda');
const {
  PrometheusPushGateway,
  PrometheusQueryFunctions,
  PrometheusTelemetryExtension,
  QueryOperation,
  TelemetryDestination,
} = require('..');

function template() {
  const stack = new Stack(new App({ analyticsReporting: false }), 'PushGateway', {
    description: 'Writes metrics, sent as JSON, to Amazon Managed Service for Prometheus, and queries them',
    // Without assets, the account needs no bootstrapping.
    synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
  });

  const parameter = (id, description, props = {}) => new CfnParameter(stack, id, { description, ...props });
  const bucketNameParam = parameter('CodeBucket', 'Bucket with the zip archives, in the region of the stack');
  const code = (id, file) =>
    lambda.Code.fromCfnParameters({
      bucketNameParam,
      objectKeyParam: parameter(id, `Key of ${file} for the architecture`),
    });
  const [gatewayCode, queryCode, extensionCode] = [
    code('PushGatewayKey', 'push-gateway.zip'),
    code('QueryKey', 'query.zip'),
    code('TelemetryExtensionKey', 'telemetry-extension.zip'),
  ];
  const { valueAsString } = parameter('Architecture', 'Processor that the archives are built for', {
    allowedValues: ['arm64', 'x86_64'],
    default: 'arm64',
  });
  const architecture = lambda.Architecture.custom(valueAsString);

  const gateway = new PrometheusPushGateway(stack, 'Metrics', { architecture, code: gatewayCode });
  const { workspace } = gateway;
  const operations = [
    QueryOperation.QUERY,
    QueryOperation.RANGE_QUERY,
    QueryOperation.LIST_METRICS,
    QueryOperation.SERVER_INFO,
  ];
  const queries = new PrometheusQueryFunctions(stack, 'Queries', {
    workspace,
    architecture,
    code: queryCode,
    operations,
  });
  const telemetry = new PrometheusTelemetryExtension(stack, 'Telemetry', {
    destination: TelemetryDestination.workspace(workspace),
    code: extensionCode,
  });
  telemetry.addTo(gateway.function);

  const output = (id, value, description) => new CfnOutput(stack, id, { value, description });
  output('QueueUrl', gateway.queue.queueUrl, 'Queue that takes events');
  output(
    'DeadLetterQueueUrl',
    gateway.deadLetterQueue.queueUrl,
    'Queue of events that can never be written, with the reason',
  );
  output('FunctionName', gateway.function.functionName, 'Function that takes events directly');
  output('PrometheusEndpoint', workspace.prometheusEndpoint, 'Endpoint for a Grafana data source with SigV4');
  for (const operation of operations) {
    const { functionName } = queries.functionFor(operation);
    const words = operation.split('_').map((word) => word[0].toUpperCase() + word.slice(1));
    output(`${words.join('')}FunctionName`, functionName, `Function for the operation ${operation}`);
  }
  const [layer] = stack.node.findAll().filter((construct) => construct instanceof lambda.LayerVersion);
  // The default name contains the architecture, which is a parameter here.
  layer.node.defaultChild.overrideLogicalId('TelemetryLayer');
  output('TelemetryLayerArn', layer.layerVersionArn, 'Layer that gives a function of yours its own metrics');
  return Template.fromStack(stack).toJSON();
}

fs.writeFileSync(process.argv[2], `${JSON.stringify(template(), null, 1)}\n`);
