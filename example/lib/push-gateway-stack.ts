/**
 * A gateway with a queue, a function and an IoT rule, alarms, a dashboard, its own metrics, query functions, and optionally
 * function URLs and an agent gateway. The commands in `src/commands` read its outputs from `outputs.json`.
 */

import { CfnOutput, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import {
  HttpAuth,
  PrometheusPushGateway,
  PrometheusQueryFunctions,
  PrometheusTelemetryExtension,
  QueryOperation,
  TelemetryDestination,
} from 'cdk-serverless-prometheus-push-gateway';
import type { Construct } from 'constructs';

/** Settings of a deployment. */
export interface PushGatewayStackProps extends StackProps {
  /**
   * E-mail address for alarms. It must confirm the subscription.
   * @default - none; subscribe to the topic in the output `AlarmTopicArn`
   */
  readonly alarmEmail?: string;

  /**
   * Whether OpenTelemetry SDKs, Prometheus and Pushgateway clients can send to a function URL, with a password.
   * @default false
   */
  readonly functionUrl?: boolean;

  /**
   * Whether Grafana and agents can query a function URL, with a password.
   * @default false
   */
  readonly queryUrl?: boolean;

  /**
   * Whether agents get the query functions as tools, through an AgentCore gateway with IAM authorization.
   * @default false
   */
  readonly agentGateway?: boolean;

  /**
   * Architecture of the functions. It must be built.
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * Code of the gateway, with a file `bootstrap`. Set it to try your own build.
   * @default - the code in the construct library
   */
  readonly code?: lambda.Code;

  /**
   * Code of the query functions, with a file `bootstrap`.
   * @default - the code in the construct library
   */
  readonly queryCode?: lambda.Code;

  /**
   * Code of the telemetry extension, with a file `extensions/telemetry-extension`.
   * @default - the code in the construct library
   */
  readonly extensionCode?: lambda.Code;
}

export class PushGatewayStack extends Stack {
  constructor(scope: Construct, id: string, props: PushGatewayStackProps = {}) {
    const {
      alarmEmail,
      functionUrl = false,
      queryUrl = false,
      agentGateway = false,
      architecture,
      code,
      queryCode,
      extensionCode,
      ...stackProps
    } = props;
    super(scope, id, stackProps);

    const gateway = new PrometheusPushGateway(this, 'Metrics', {
      ...(architecture === undefined ? {} : { architecture }),
      ...(code === undefined ? {} : { code }),
    });
    // Remove this line to keep the metrics when the stack is deleted.
    gateway.workspace.applyRemovalPolicy(RemovalPolicy.DESTROY);

    // Devices publish complete events, so the rule selects them unchanged.
    gateway.addIotRule('Events', {
      sql: "SELECT * FROM 'devices/+/events'",
      description: 'Passes the events of devices on to the push gateway',
    });

    // Invocations, durations and memory of the gateway's function. Add other functions of an app in the same way.
    const telemetry = new PrometheusTelemetryExtension(this, 'Telemetry', {
      destination: TelemetryDestination.workspace(gateway.workspace),
      ...(extensionCode === undefined ? {} : { code: extensionCode }),
    });
    telemetry.addTo(gateway.function);
    gateway.workspace.addRuleGroups('FunctionRules', PrometheusTelemetryExtension.rules());

    const queries = new PrometheusQueryFunctions(this, 'Queries', {
      workspace: gateway.workspace,
      // Without FIND_WORKSPACE, whose function may list every workspace of the account.
      operations: [
        QueryOperation.QUERY,
        QueryOperation.RANGE_QUERY,
        QueryOperation.LIST_METRICS,
        QueryOperation.SERVER_INFO,
      ],
      ...(architecture === undefined ? {} : { architecture }),
      ...(queryCode === undefined ? {} : { code: queryCode }),
    });

    const alarmTopic = new sns.Topic(this, 'Alarms', { enforceSSL: true });
    if (alarmEmail !== undefined) alarmTopic.addSubscription(new EmailSubscription(alarmEmail));
    gateway.addAlarms(alarmTopic);
    const dashboard = gateway.addDashboard();

    const output = (name: string, value: string, description: string): CfnOutput =>
      new CfnOutput(this, name, { value, description });
    output('Region', this.region, 'Region of the stack');
    // There is a queue, because directInvokeOnly is not set.
    output('QueueUrl', gateway.queue!.queueUrl, 'Queue for events');
    output(
      'DeadLetterQueueUrl',
      gateway.deadLetterQueue.queueUrl,
      'Queue of events that cannot be written, with the reason',
    );
    output('FunctionName', gateway.function.functionName, 'Function to invoke directly');
    output('IotTopic', 'devices/<device>/events', 'Topic for events of devices');
    output('PrometheusEndpoint', gateway.workspace.prometheusEndpoint, 'URL for a Grafana data source with SigV4');
    output('QueryUrl', gateway.workspace.queryUrl, 'URL for PromQL queries with SigV4 for the service aps');
    const query = (operation: QueryOperation): string => queries.functionFor(operation).functionName;
    output('QueryFunctionName', query(QueryOperation.QUERY), 'Function for PromQL at one time');
    output('RangeQueryFunctionName', query(QueryOperation.RANGE_QUERY), 'Function for PromQL over a range of time');
    output('ListMetricsFunctionName', query(QueryOperation.LIST_METRICS), 'Function that lists the metrics');
    output(
      'ServerInfoFunctionName',
      query(QueryOperation.SERVER_INFO),
      'Function that returns the build of the Prometheus server',
    );
    if (functionUrl) {
      const { url } = gateway.addFunctionUrl({ auth: HttpAuth.secret() });
      output('PushUrl', url, 'Endpoint for OTLP, remote write and pushes');
      // There is a secret, because the URL uses it.
      output('PushSecretArn', gateway.httpSecret!.secretArn, 'Secret with the user name and password of the endpoint');
    }
    if (queryUrl) {
      const { functionUrl, mcpUrl, secret } = queries.addFunctionUrl({ auth: HttpAuth.secret() });
      output('PrometheusUrl', functionUrl.url, 'URL for a Grafana data source with a password');
      output('McpUrl', mcpUrl, 'MCP server for agents with the password as bearer token');
      // There is a secret, because the URL uses it.
      output('PrometheusSecretArn', secret!.secretArn, 'Secret with the user name and password of both');
    }
    if (agentGateway) {
      const agents = new agentcore.Gateway(this, 'Agents', {
        description: 'PromQL for agents',
        authorizerConfiguration: agentcore.GatewayAuthorizer.usingAwsIam(),
      });
      queries.addToAgentCoreGateway(agents);
      // Only an imported gateway may have no URL.
      output('AgentGatewayUrl', agents.gatewayUrl!, 'MCP endpoint of the query functions for agents');
    }
    output('AlarmTopicArn', alarmTopic.topicArn, 'Topic of the alarms');
    output('DashboardName', dashboard.dashboardName, 'CloudWatch dashboard');
  }
}
