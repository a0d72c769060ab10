/** Stacks that together use every prop and method. */
import { App, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import {
  DefaultFormat,
  HttpAuth,
  HttpDelivery,
  IotRuleVia,
  NameEscaping,
  OtlpDelta,
  PrometheusTelemetryExtension,
  PrometheusWorkspace,
  QueryOperation,
  RemoteWriteProtocol,
  TelemetryDestination,
  TelemetryInstanceLabel,
  YamlDefinition,
} from 'cdk-serverless-prometheus-push-gateway';
import { importedWorkspace, newGateway, newQueries, newTelemetry, someFunction } from './support';

const SQL =
  "SELECT {'device': topic(2)} AS dimensions, timestamp() AS timestamp, {'temperature': temperature} AS metrics FROM 'devices/+/telemetry'";

function everythingOfAGateway(stack: Stack): void {
  const key = new kms.Key(stack, 'Key', { enableKeyRotation: true });
  const topic = new sns.Topic(stack, 'Topic', { enforceSSL: true, masterKey: key });
  const gateway = newGateway(stack, {
    batchSize: 1000,
    defaultFormat: DefaultFormat.EXPOSITION,
    environment: { AWS_ENDPOINT_URL_SQS: 'https://sqs.example.com' },
    environmentEncryption: key,
    externalLabels: { env: 'prod', region: stack.region },
    functionName: 'push-gateway',
    httpDelivery: HttpDelivery.QUEUE,
    logLevel: lambda.ApplicationLogLevel.WARN,
    maxBatchingWindow: Duration.seconds(30),
    maxConcurrency: 10,
    maxEventAge: Duration.minutes(10),
    maxReceiveCount: 20,
    memorySize: 256,
    nameEscaping: NameEscaping.REJECT,
    otlpDelta: OtlpDelta.GAUGE,
    remoteWriteProtocol: RemoteWriteProtocol.AUTO,
    reservedConcurrentExecutions: 20,
    retryAttempts: 1,
    timeout: Duration.minutes(1),
    tracing: lambda.Tracing.ACTIVE,
  });
  gateway.addIotRule('ViaQueue', { sql: SQL, ruleName: 'via_queue', description: 'Telemetry of devices' });
  gateway.addIotRule('ViaFunction', { sql: SQL, via: IotRuleVia.FUNCTION });
  gateway.addAlarms(topic, {
    errorsThreshold: 2,
    furtherTopics: [new sns.Topic(stack, 'Further', { enforceSSL: true })],
  });
  gateway.addDashboard();
  const producer = new iam.Role(stack, 'Producer', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') });
  gateway.grantSendMessages(producer);
  gateway.grantInvoke(producer);
}

function httpWithIam(stack: Stack): void {
  const gateway = newGateway(stack);
  gateway.addFunctionUrl({ auth: HttpAuth.iam() });
  gateway.addHttpApi({ auth: HttpAuth.iam(), stageName: 'prod', rateLimit: 100, burstLimit: 200 });
  gateway.addAlarms(new sns.Topic(stack, 'Topic', { enforceSSL: true }), { clientErrorsThreshold: 10 });
  gateway.grantPush(new iam.Role(stack, 'Caller', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') }));
}

function httpWithASecret(stack: Stack): void {
  const gateway = newGateway(stack);
  gateway.addFunctionUrl({ auth: HttpAuth.secret() });
  gateway.addHttpApi({ auth: HttpAuth.secret(), basePath: '/push' });
  gateway.addAlbTarget({ auth: HttpAuth.secret(), basePath: '/push' });
}

function encryptedInAVpc(stack: Stack): void {
  const key = new kms.Key(stack, 'Key', { enableKeyRotation: true });
  const vpc = new ec2.Vpc(stack, 'Vpc', {
    natGateways: 0,
    subnetConfiguration: [{ name: 'isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
    flowLogs: { all: {} },
  });
  const subnets = { subnetType: ec2.SubnetType.PRIVATE_ISOLATED };
  const workspace = new PrometheusWorkspace(stack, 'Workspace', { encryptionKey: key });
  workspace.addInterfaceEndpoint('Endpoint', { vpc, subnets });
  vpc.addInterfaceEndpoint('Sqs', { service: ec2.InterfaceVpcEndpointAwsService.SQS, subnets });
  newGateway(stack, { workspace, queueEncryptionKey: key, vpc, vpcSubnets: subnets }).addIotRule('Rule', { sql: SQL });
}

function everythingOfAWorkspace(stack: Stack): void {
  const topic = new sns.Topic(stack, 'Topic', { enforceSSL: true });
  const workspace = new PrometheusWorkspace(stack, 'Workspace', {
    alias: 'devices',
    alertmanagerDefinition: YamlDefinition.fromInline(
      `alertmanager_config: |\n  route:\n    receiver: default\n  receivers:\n  - name: default\n    sns_configs:\n    - topic_arn: ${topic.topicArn}\n      sigv4:\n        region: ${stack.region}\n`,
    ),
    limitsPerLabelSet: [{ labels: { team: 'a' }, maxSeries: 100_000 }],
    logGroup: new logs.LogGroup(stack, 'Vended', { logGroupName: '/aws/vendedlogs/devices' }),
    outOfOrderTimeWindow: Duration.minutes(5),
    queryLogging: {
      logGroup: new logs.LogGroup(stack, 'Queries', { logGroupName: '/aws/vendedlogs/devices-queries' }),
    },
    removalPolicy: RemovalPolicy.DESTROY,
    retention: Duration.days(400),
    ruleQueryOffset: Duration.minutes(1),
  });
  workspace.allowAlertsTo(topic);
  workspace.grantRemoteWrite(new iam.AccountPrincipal('210987654321'));
  workspace.addRuleGroups(
    'Rules',
    YamlDefinition.fromInline('groups:\n- name: g\n  rules:\n  - record: a:b\n    expr: sum(a)\n'),
  );
  workspace.addRuleGroups('Functions', PrometheusTelemetryExtension.rules());
  workspace.grantProxy(new iam.Role(stack, 'Instance', { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') }));
  workspace.grantQuery(
    new iam.Role(stack, 'Reader', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') }),
  );
}

function partsThatAreGiven(stack: Stack): void {
  const letters = new sqs.Queue(stack, 'Letters', { enforceSSL: true });
  const queue = new sqs.Queue(stack, 'Queue', {
    enforceSSL: true,
    visibilityTimeout: Duration.minutes(5),
    deadLetterQueue: { queue: letters, maxReceiveCount: 5 },
  });
  const workspace = PrometheusWorkspace.fromWorkspaceAttributes(stack, 'Workspace', {
    workspaceArn: 'arn:aws:aps:eu-west-1:123456789012:workspace/ws-12345678-abcd-1234-abcd-123456789012',
  });
  newGateway(stack, { workspace, queue, logGroup: new logs.LogGroup(stack, 'Logs') });
}

function everythingOfQueryFunctions(stack: Stack): void {
  const vpc = new ec2.Vpc(stack, 'Vpc', {
    natGateways: 0,
    subnetConfiguration: [{ name: 'isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
    flowLogs: { all: {} },
  });
  const queries = newQueries(stack, {
    environment: { RUST_LOG: 'debug' },
    environmentEncryption: new kms.Key(stack, 'Key', { enableKeyRotation: true }),
    functionNamePrefix: 'team-a',
    logLevel: lambda.ApplicationLogLevel.DEBUG,
    logRetention: logs.RetentionDays.ONE_WEEK,
    memorySize: 1024,
    operations: [QueryOperation.FIND_WORKSPACE, QueryOperation.QUERY],
    reservedConcurrentExecutions: 5,
    timeout: Duration.minutes(2),
    tracing: lambda.Tracing.ACTIVE,
    vpc,
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
  });
  queries.allowWorkspace(importedWorkspace(stack, 'ws-further'));
  queries.grantInvoke(
    new iam.Role(stack, 'Reader', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') }),
  );
}

function queryEndpoints(stack: Stack): void {
  const queries = newQueries(stack, { operations: [QueryOperation.QUERY] });
  const { functionUrl } = queries.addFunctionUrl({ auth: HttpAuth.iam() });
  functionUrl.grantInvokeUrl(
    new iam.Role(stack, 'Caller', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') }),
  );
  queries.addFunctionUrl({
    auth: HttpAuth.secret(),
    tenant: 'TeamA',
    enforceLabels: { team: 'a', region: stack.region },
  });
  queries.addMcpServer({ auth: HttpAuth.secret() });
}

function agentGateway(stack: Stack): void {
  newQueries(stack).addToAgentCoreGateway(newAgentGateway(stack), { allowedRequestHeaders: ['traceparent'] });
}

function telemetryToAPushgateway(stack: Stack): void {
  const key = new kms.Key(stack, 'Key', { enableKeyRotation: true });
  const authSecret = new secretsmanager.Secret(stack, 'Secret', { encryptionKey: key });
  const telemetry = newTelemetry(stack, {
    destination: TelemetryDestination.pushgateway({
      url: 'https://gateway.example.com',
      authSecret,
      deleteOnShutdown: true,
    }),
    externalLabels: { env: 'prod', region: stack.region },
    instanceLabel: TelemetryInstanceLabel.FULL,
    maxAge: Duration.minutes(2),
    minBatchSize: 100,
    summaries: true,
  });
  telemetry.addTo(functionWithARole(stack));
}

function telemetryToAGateway(stack: Stack): void {
  const gateway = newGateway(stack);
  newTelemetry(stack, { destination: TelemetryDestination.gateway(gateway) }).addTo(functionWithARole(stack));
}

/** A function whose role has no managed policy, unlike the default role of CDK. */
function functionWithARole(stack: Stack): lambda.Function {
  const role = new iam.Role(stack, 'FnRole', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  return someFunction(stack, 'Fn', { role, runtime: lambda.Runtime.PYTHON_3_14 });
}

/** A gateway with IAM authorization. */
export function newAgentGateway(stack: Stack): agentcore.Gateway {
  return new agentcore.Gateway(stack, 'Agents', {
    gatewayName: 'agents',
    authorizerConfiguration: agentcore.GatewayAuthorizer.usingAwsIam(),
  });
}

/** Fills the stack of each name. */
export const STACKS: Record<string, (stack: Stack) => void> = {
  Default: (stack) => void newGateway(stack),
  DirectInvokeOnly: (stack) => void newGateway(stack, { directInvokeOnly: true }),
  Fifo: (stack) => void newGateway(stack, { fifo: true }),
  EncryptedInAVpc: encryptedInAVpc,
  EverythingOfAGateway: everythingOfAGateway,
  HttpWithIam: httpWithIam,
  HttpWithASecret: httpWithASecret,
  HttpWithoutAuth: (stack) => void newGateway(stack).addAlbTarget({ auth: HttpAuth.none() }),
  EverythingOfAWorkspace: everythingOfAWorkspace,
  PartsThatAreGiven: partsThatAreGiven,
  QueryFunctions: (stack) => void newQueries(stack),
  EverythingOfQueryFunctions: everythingOfQueryFunctions,
  QueryEndpoints: queryEndpoints,
  AgentGateway: agentGateway,
  Telemetry: (stack) => {
    const gateway = newGateway(stack);
    newTelemetry(stack, { destination: TelemetryDestination.workspace(gateway.workspace) }).addTo(gateway.function);
  },
  TelemetryToAGateway: telemetryToAGateway,
  TelemetryToAPushgateway: telemetryToAPushgateway,
};

/** An app in `outdir` with one of the stacks. */
export function appWith(name: string, outdir: string): { app: App; stack: Stack } {
  const app = new App({ outdir });
  const stack = new Stack(app, name);
  STACKS[name](stack);
  return { app, stack };
}
