/**
 * A gateway with all three doors: a queue, a function to invoke, and an IoT rule; watched by alarms, a dashboard and its
 * own metrics. What it writes is read by query functions, and by agents if they are to have them as tools.
 *
 * Its outputs are what the commands in `src/commands` look for in `outputs.json`.
 */

import { CfnOutput, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import {
  PrometheusPushGateway,
  PrometheusQueryFunctions,
  PrometheusTelemetryExtension,
  QueryOperation,
  TelemetryDestination,
} from 'cdk-serverless-prometheus-push-gateway';
import type { Construct } from 'constructs';

/** What may differ from one deployment to the next. */
export interface PushGatewayStackProps extends StackProps {
  /**
   * Who is told of alarms: an e-mail address, which has to confirm it.
   * @default - nobody; subscribe to the topic of the output `AlarmTopicArn`
   */
  readonly alarmEmail?: string;

  /**
   * Whether agents get the query functions as tools, behind an AgentCore gateway that lets in whom IAM lets in.
   * @default false
   */
  readonly agentGateway?: boolean;

  /**
   * The functions' processor: one that they were built for.
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * The gateway's code: a file `bootstrap`. Give your own to try a change.
   * @default - the function that the construct library carries
   */
  readonly code?: lambda.Code;

  /**
   * The query functions' code, likewise.
   * @default - the functions that the construct library carries
   */
  readonly queryCode?: lambda.Code;

  /**
   * The telemetry extension: a file `extensions/telemetry-extension`, likewise.
   * @default - the extension that the construct library carries
   */
  readonly extensionCode?: lambda.Code;
}

export class PushGatewayStack extends Stack {
  constructor(scope: Construct, id: string, props: PushGatewayStackProps = {}) {
    const { alarmEmail, agentGateway = false, architecture, code, queryCode, extensionCode, ...stackProps } = props;
    super(scope, id, stackProps);

    const gateway = new PrometheusPushGateway(this, 'Metrics', {
      ...(architecture === undefined ? {} : { architecture }),
      ...(code === undefined ? {} : { code }),
    });
    // An example to try and to remove. Take this out to keep the metrics when the stack is deleted.
    gateway.workspace.applyRemovalPolicy(RemovalPolicy.DESTROY);

    // Devices publish whole events, so the rule has nothing to build.
    gateway.addIotRule('Events', {
      sql: "SELECT * FROM 'devices/+/events'",
      description: 'Passes the events of devices on to the push gateway',
    });

    // The gateway's own function: how often it runs, how long it takes, how much memory it needs, in the same workspace.
    // Any other function of an app is added in the same way.
    const telemetry = new PrometheusTelemetryExtension(this, 'Telemetry', {
      destination: TelemetryDestination.workspace(gateway.workspace),
      ...(extensionCode === undefined ? {} : { code: extensionCode }),
    });
    telemetry.addTo(gateway.function);

    const queries = new PrometheusQueryFunctions(this, 'Queries', {
      workspace: gateway.workspace,
      // There is one workspace, so nobody has to find it; and what looks for workspaces may list all of the account.
      operations: [QueryOperation.QUERY, QueryOperation.RANGE_QUERY, QueryOperation.LIST_METRICS, QueryOperation.SERVER_INFO],
      ...(architecture === undefined ? {} : { architecture }),
      ...(queryCode === undefined ? {} : { code: queryCode }),
    });

    const alarmTopic = new sns.Topic(this, 'Alarms', { enforceSSL: true });
    if (alarmEmail !== undefined) alarmTopic.addSubscription(new EmailSubscription(alarmEmail));
    gateway.addAlarms(alarmTopic);
    const dashboard = gateway.addDashboard();

    const output = (name: string, value: string, description: string): CfnOutput =>
      new CfnOutput(this, name, { value, description });
    output('Region', this.region, 'Where it all is');
    // There is a queue, since nothing above says otherwise.
    output('QueueUrl', gateway.queue!.queueUrl, 'Where producers send events');
    output('DeadLetterQueueUrl', gateway.deadLetterQueue.queueUrl, 'Where events end that can never be written, with the reason');
    output('FunctionName', gateway.function.functionName, 'What producers invoke who want an answer at once');
    output('IotTopic', 'devices/<device>/events', 'Where devices publish events');
    output('PrometheusEndpoint', gateway.workspace.prometheusEndpoint, 'What a Grafana data source wants, with SigV4');
    output('QueryUrl', gateway.workspace.queryUrl, 'Where PromQL is asked, with SigV4 for the service aps');
    const query = (operation: QueryOperation): string => queries.functionFor(operation).functionName;
    output('QueryFunctionName', query(QueryOperation.QUERY), 'What is invoked for PromQL at one time');
    output('RangeQueryFunctionName', query(QueryOperation.RANGE_QUERY), 'What is invoked for PromQL over a range of time');
    output('ListMetricsFunctionName', query(QueryOperation.LIST_METRICS), 'What is invoked for the names of the metrics');
    output('ServerInfoFunctionName', query(QueryOperation.SERVER_INFO), 'What is invoked to see whether the workspace answers');
    if (agentGateway) {
      const agents = new agentcore.Gateway(this, 'Agents', {
        description: 'PromQL for agents',
        authorizerConfiguration: agentcore.GatewayAuthorizer.usingAwsIam(),
      });
      queries.addToAgentCoreGateway(agents);
      // A gateway that is made here has a URL; only one that is imported may have none.
      output('AgentGatewayUrl', agents.gatewayUrl!, 'Where agents find the query functions as tools, by MCP');
    }
    output('AlarmTopicArn', alarmTopic.topicArn, 'Where alarms are announced');
    output('DashboardName', dashboard.dashboardName, 'The dashboard in CloudWatch');
  }
}
