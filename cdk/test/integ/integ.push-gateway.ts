/**
 * On AWS: an event sent to the queue is written, and a query function returns it. A function in the stack sends and
 * queries, because the event needs the current time. `npm run integ --workspace cdk` runs it.
 */
import { App, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { ExpectedResult, IntegTest } from '@aws-cdk/integ-tests-alpha';
import {
  PrometheusPushGateway,
  PrometheusQueryFunctions,
  PrometheusTelemetryExtension,
  QueryOperation,
  TelemetryDestination,
} from 'cdk-serverless-prometheus-push-gateway';

const PROBE = `
import boto3, json, os, time

def handler(event, context):
    probe = context.aws_request_id
    body = {"dimensions": {"probe": probe}, "timestamp": time.time_ns() // 1_000_000, "metrics": {"probe_value": "14.3"}}
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=json.dumps(body))
    query = json.dumps({"query": 'probe_value{probe="' + probe + '"}'})
    while context.get_remaining_time_in_millis() > 40_000:
        time.sleep(5)
        answer = boto3.client("lambda").invoke(FunctionName=os.environ["QUERY"], Payload=query)
        result = json.load(answer["Payload"])["body"]["data"]["result"]
        if result:
            return result[0]["value"][1]
    return "not found"
`;

const app = new App();
const stack = new Stack(app, 'PushGatewayInteg');

const gateway = new PrometheusPushGateway(stack, 'Metrics');
const { workspace } = gateway;
workspace.applyRemovalPolicy(RemovalPolicy.DESTROY);
const queries = new PrometheusQueryFunctions(stack, 'Queries', { workspace, operations: [QueryOperation.QUERY] });
const destination = TelemetryDestination.workspace(workspace);
new PrometheusTelemetryExtension(stack, 'Telemetry', { destination }).addTo(gateway.function);

const probe = new lambda.Function(stack, 'Probe', {
  code: lambda.Code.fromInline(PROBE),
  environment: { QUEUE_URL: gateway.queue!.queueUrl, QUERY: queries.functionFor(QueryOperation.QUERY).functionName },
  handler: 'index.handler',
  runtime: lambda.Runtime.PYTHON_3_13,
  timeout: Duration.minutes(2),
});
gateway.grantSendMessages(probe);
queries.grantInvoke(probe);

const integ = new IntegTest(app, 'Integ', { testCases: [stack] });
integ.assertions
  .invokeFunction({ functionName: probe.functionName })
  .expect(ExpectedResult.objectLike({ Payload: '"14.3"' }))
  .waitForAssertions({ totalTimeout: Duration.minutes(10) });
