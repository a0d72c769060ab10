import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as destinations from 'aws-cdk-lib/aws-lambda-destinations';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { NameEscaping, PrometheusPushGateway, PrometheusWorkspace } from 'cdk-serverless-prometheus-push-gateway';
import { gatewayTemplate, inStack, newGateway, newStack, someCode, variables } from './support';

const FUNCTION = 'AWS::Lambda::Function';
const QUEUE = 'AWS::SQS::Queue';
const EVENT_SOURCE = 'AWS::Lambda::EventSourceMapping';
const ASYNCHRONOUS = 'AWS::Lambda::EventInvokeConfig';
/** The default visibility timeout. */
const HIDDEN = Duration.seconds(6 * 30 + 10);
const ref = (id: string) => ({ Ref: Match.stringLikeRegexp(`^${id}`) });
const arn = (id: string) => ({ 'Fn::GetAtt': [Match.stringLikeRegexp(`^${id}`), 'Arn'] });

/** The policy statements of the role of the function. */
function statements(template: Template): any[] {
  const policies = Object.entries(template.findResources('AWS::IAM::Policy'));
  const [, policy] = policies.find(([id]) => id.startsWith('MetricsRole'))!;
  return policy.Properties.PolicyDocument.Statement;
}

function someFunction(stack: Stack, timeout?: Duration): lambda.Function {
  return new lambda.Function(stack, 'Own', {
    runtime: lambda.Runtime.PROVIDED_AL2023,
    handler: 'bootstrap',
    code: someCode(),
    timeout,
  });
}

/** https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: six times the timeout, plus the window */
test('the default queue hides messages for six timeouts', () => {
  const template = gatewayTemplate();
  template.hasResourceProperties(QUEUE, {
    VisibilityTimeout: 6 * 30 + 10,
    RedrivePolicy: { deadLetterTargetArn: arn('MetricsDeadLetterQueue'), maxReceiveCount: 10 },
  });
  template.hasResourceProperties(QUEUE, { MessageRetentionPeriod: 14 * 24 * 3600 });
});

test('a given workspace is used', () => {
  const template = inStack((stack) => {
    const workspace = PrometheusWorkspace.fromWorkspaceAttributes(stack, 'Shared', {
      workspaceArn: 'arn:aws:aps:eu-west-1:123456789012:workspace/ws-1',
    });
    newGateway(stack, { workspace });
  });
  template.resourceCountIs('AWS::APS::Workspace', 0);
  assert.match(
    JSON.stringify(variables(template).REMOTE_WRITE_URL),
    /aps-workspaces\.eu-west-1\..*\/workspaces\/ws-1\/api\/v1\/remote_write/,
  );
  assert.deepEqual(
    statements(template).filter(({ Action }) => Action === 'aps:RemoteWrite'),
    [{ Action: 'aps:RemoteWrite', Effect: 'Allow', Resource: 'arn:aws:aps:eu-west-1:123456789012:workspace/ws-1' }],
  );
});

test('the function receives from a given queue', () => {
  const template = inStack((stack) =>
    newGateway(stack, { queue: new sqs.Queue(stack, 'Own', { visibilityTimeout: HIDDEN }) }),
  );
  template.hasResourceProperties(EVENT_SOURCE, { EventSourceArn: arn('Own') });
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        {
          Action: ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
          Effect: 'Allow',
          Resource: arn('Own'),
        },
      ]),
    },
  });
  // The given queue and a new dead-letter queue.
  template.resourceCountIs(QUEUE, 2);
});

test('the dead-letter queue of a given queue is used', () => {
  const template = inStack((stack) => {
    const letters = new sqs.Queue(stack, 'Letters');
    const deadLetterQueue = { queue: letters, maxReceiveCount: 5 };
    newGateway(stack, { queue: new sqs.Queue(stack, 'Own', { visibilityTimeout: HIDDEN, deadLetterQueue }) });
  });
  template.resourceCountIs(QUEUE, 2);
  template.hasResourceProperties(FUNCTION, {
    Environment: { Variables: { DEAD_LETTER_QUEUE_URL: ref('Letters') } },
  });
});

test('a given dead-letter queue gets all dead letters', () => {
  const template = inStack((stack) => newGateway(stack, { deadLetterQueue: new sqs.Queue(stack, 'Letters') }));
  template.resourceCountIs(QUEUE, 2);
  template.hasResourceProperties(QUEUE, { RedrivePolicy: { deadLetterTargetArn: arn('Letters') } });
  template.hasResourceProperties(FUNCTION, { Environment: { Variables: { DEAD_LETTER_QUEUE_URL: ref('Letters') } } });
  template.hasResourceProperties(ASYNCHRONOUS, {
    DestinationConfig: { OnFailure: { Destination: arn('Letters') } },
  });
});

test('directInvokeOnly creates no queue', () => {
  const template = gatewayTemplate({ directInvokeOnly: true });
  template.resourceCountIs(EVENT_SOURCE, 0);
  template.resourceCountIs(QUEUE, 1);
  template.hasResourceProperties(ASYNCHRONOUS, {
    DestinationConfig: { OnFailure: { Destination: arn('MetricsDeadLetterQueue') } },
  });
  assert.deepEqual(Object.keys(variables(template)), ['REMOTE_WRITE_URL', 'OUT_OF_ORDER_WINDOW']);
});

/** https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html: 10 messages and no window with FIFO */
test('FIFO queues have high throughput and batches of 10', () => {
  const template = gatewayTemplate({ fifo: true });
  template.resourceCountIs(QUEUE, 2);
  template.allResourcesProperties(QUEUE, {
    ContentBasedDeduplication: true,
    DeduplicationScope: 'messageGroup',
    FifoQueue: true,
    FifoThroughputLimit: 'perMessageGroupId',
    SqsManagedSseEnabled: true,
  });
  template.hasResourceProperties(QUEUE, { VisibilityTimeout: 180 });
  template.hasResourceProperties(EVENT_SOURCE, { BatchSize: 10, MaximumBatchingWindowInSeconds: Match.absent() });
  // Lambda cannot send to a FIFO queue.
  template.hasResourceProperties(ASYNCHRONOUS, { DestinationConfig: Match.absent() });
});

test('a given FIFO queue has the limits of FIFO', () => {
  inStack((stack) =>
    newGateway(stack, { queue: new sqs.Queue(stack, 'Own', { fifo: true, visibilityTimeout: HIDDEN }) }),
  ).hasResourceProperties(EVENT_SOURCE, { BatchSize: 10, MaximumBatchingWindowInSeconds: Match.absent() });
});

test('batches have the given size, window and concurrency', () => {
  const template = gatewayTemplate({ batchSize: 100, maxBatchingWindow: Duration.seconds(60), maxConcurrency: 2 });
  template.hasResourceProperties(EVENT_SOURCE, {
    BatchSize: 100,
    MaximumBatchingWindowInSeconds: 60,
    ScalingConfig: { MaximumConcurrency: 2 },
  });
  template.hasResourceProperties(QUEUE, { VisibilityTimeout: 240 });
});

test('the visibility timeout follows the timeout', () => {
  gatewayTemplate({ timeout: Duration.seconds(60) }).hasResourceProperties(QUEUE, { VisibilityTimeout: 370 });
  gatewayTemplate({ visibilityTimeout: Duration.minutes(15) }).hasResourceProperties(QUEUE, { VisibilityTimeout: 900 });
});

test('the receive count can be changed', () => {
  gatewayTemplate({ maxReceiveCount: 5 }).hasResourceProperties(QUEUE, { RedrivePolicy: { maxReceiveCount: 5 } });
});

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html */
test('the function may use the key of the queues', () => {
  const template = inStack((stack) => newGateway(stack, { queueEncryptionKey: new kms.Key(stack, 'Key') }));
  template.allResourcesProperties(QUEUE, { KmsMasterKeyId: arn('Key') });
  const ofKey = statements(template).filter(({ Action }) =>
    [Action].flat().some((action) => action.startsWith('kms:')),
  );
  assert.deepEqual([...new Set(ofKey.flatMap(({ Action }) => Action))].sort(), ['kms:Decrypt', 'kms:GenerateDataKey']);
});

test('the function has the given settings', () => {
  inStack((stack) =>
    newGateway(stack, {
      architecture: lambda.Architecture.X86_64,
      code: lambda.Code.fromBucket(new s3.Bucket(stack, 'Bucket'), 'function.zip'),
      memorySize: 512,
      timeout: Duration.seconds(10),
    }),
  ).hasResourceProperties(FUNCTION, {
    Architectures: ['x86_64'],
    Code: { S3Bucket: ref('Bucket'), S3Key: 'function.zip' },
    MemorySize: 512,
    Timeout: 10,
  });
});

test('a given function gets variables, permissions and events', () => {
  const template = inStack((stack) =>
    newGateway(stack, { function: someFunction(stack, Duration.seconds(20)), externalLabels: { env: 'prod' } }),
  );
  template.resourceCountIs(FUNCTION, 1);
  template.hasResourceProperties(FUNCTION, {
    Environment: {
      Variables: {
        DEAD_LETTER_QUEUE_URL: ref('MetricsDeadLetterQueue'),
        EXTERNAL_LABELS: '{"env":"prod"}',
        REMOTE_WRITE_URL: Match.anyValue(),
      },
    },
  });
  template.hasResourceProperties(EVENT_SOURCE, { FunctionName: ref('Own') });
  template.hasResourceProperties(QUEUE, { VisibilityTimeout: 6 * 20 + 10 });
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Action: 'aps:RemoteWrite' })]) },
    Roles: [ref('OwnServiceRole')],
  });
});

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html: 3 seconds */
test("a given function without a timeout has Lambda's default", () => {
  inStack((stack) => newGateway(stack, { function: someFunction(stack) })).hasResourceProperties(QUEUE, {
    VisibilityTimeout: 6 * 3 + 10,
  });
});

test('logs have the given group or retention', () => {
  const template = inStack((stack) => newGateway(stack, { logGroup: new logs.LogGroup(stack, 'Own') }));
  template.resourceCountIs('AWS::Logs::LogGroup', 1);
  template.hasResourceProperties(FUNCTION, { LoggingConfig: { LogGroup: ref('Own') } });
  gatewayTemplate({ logRetention: logs.RetentionDays.ONE_DAY }).hasResourceProperties('AWS::Logs::LogGroup', {
    RetentionInDays: 1,
  });
});

test('below INFO, Lambda sets the log level', () => {
  const template = gatewayTemplate({ logLevel: lambda.ApplicationLogLevel.DEBUG });
  template.hasResourceProperties(FUNCTION, { LoggingConfig: { ApplicationLogLevel: 'DEBUG', LogFormat: 'JSON' } });
  assert.equal('RUST_LOG' in variables(template), false);
});

/** https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html: lines without a level are INFO */
test('above INFO, Lambda still forwards metrics', () => {
  for (const [level, quiet] of [
    [lambda.ApplicationLogLevel.WARN, 'warn'],
    [lambda.ApplicationLogLevel.ERROR, 'error'],
    [lambda.ApplicationLogLevel.FATAL, 'error'],
  ] as const) {
    const template = gatewayTemplate({ logLevel: level });
    template.hasResourceProperties(FUNCTION, { LoggingConfig: { ApplicationLogLevel: 'INFO' } });
    assert.equal(variables(template).RUST_LOG, quiet);
  }
});

test('X-Ray tracing adds its permission', () => {
  const template = gatewayTemplate({ tracing: lambda.Tracing.ACTIVE });
  template.hasResourceProperties(FUNCTION, { TracingConfig: { Mode: 'Active' } });
  assert.deepEqual(
    statements(template)
      .filter(({ Resource }) => Resource === '*')
      .flatMap(({ Action }) => Action),
    ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
  );
});

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html */
test('a function in a VPC has subnets, groups and permissions', () => {
  const template = inStack((stack) => {
    const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 0 });
    const group = new ec2.SecurityGroup(stack, 'Group', { vpc });
    const gateway = newGateway(stack, {
      vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
      securityGroups: [group],
    });
    assert.deepEqual(gateway.connections.securityGroups, [group]);
  });
  template.hasResourceProperties(FUNCTION, {
    VpcConfig: {
      SecurityGroupIds: [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^Group'), 'GroupId'] }],
      SubnetIds: Match.arrayWith([ref('VpcIsolatedSubnet1')]),
    },
  });
  assert.deepEqual(
    statements(template)
      .filter(({ Resource }) => Resource === '*')
      .flatMap(({ Action }) => Action),
    [
      'ec2:AssignPrivateIpAddresses',
      'ec2:CreateNetworkInterface',
      'ec2:DeleteNetworkInterface',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSubnets',
      'ec2:UnassignPrivateIpAddresses',
    ],
  );
});

test('settings of the function become variables', () => {
  const template = gatewayTemplate({
    externalLabels: { env: 'prod', team: 'a "b"' },
    maxFuture: Duration.minutes(10),
    nameEscaping: NameEscaping.VALUES,
    environment: { AWS_ENDPOINT_URL_SQS: 'https://sqs.example.com' },
  });
  assert.deepEqual(JSON.parse(variables(template).EXTERNAL_LABELS), { env: 'prod', team: 'a "b"' });
  assert.equal(variables(template).NAME_ESCAPING, 'values');
  assert.equal(variables(template).MAX_FUTURE, '600');
  assert.equal(variables(template).AWS_ENDPOINT_URL_SQS, 'https://sqs.example.com');
});

test('a label value may be a token', () => {
  const template = inStack((stack) => newGateway(stack, { externalLabels: { region: stack.region } }));
  assert.deepEqual(variables(template).EXTERNAL_LABELS, {
    'Fn::Join': ['', ['{"region":"', { Ref: 'AWS::Region' }, '"}']],
  });
});

test('asynchronous invocations have the given settings', () => {
  const template = inStack((stack) =>
    newGateway(stack, {
      onFailure: new destinations.SqsDestination(new sqs.Queue(stack, 'Failed')),
      retryAttempts: 0,
      maxEventAge: Duration.seconds(60),
    }),
  );
  template.hasResourceProperties(ASYNCHRONOUS, {
    DestinationConfig: { OnFailure: { Destination: arn('Failed') } },
    MaximumEventAgeInSeconds: 60,
    MaximumRetryAttempts: 0,
  });
});

test('grants allow invoking and sending', () => {
  const template = gatewayTemplate({}, (gateway) => {
    const user = new iam.User(Stack.of(gateway), 'Producer');
    gateway.grantInvoke(user);
    gateway.grantSendMessages(user);
  });
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [
        { Action: 'lambda:InvokeFunction', Resource: Match.arrayWith([arn('MetricsFunction')]) },
        { Action: ['sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'], Resource: arn('MetricsQueue') },
      ],
    },
    Users: [ref('Producer')],
  });
});

test('permissions can be granted to the gateway itself', () => {
  const template = gatewayTemplate({}, (gateway) => {
    new sqs.Queue(Stack.of(gateway), 'Other').grantSendMessages(gateway);
  });
  assert.equal(
    statements(template).some(({ Resource }) => JSON.stringify(Resource).includes('Other')),
    true,
  );
});

test('several gateways of one stack share nothing', () => {
  const stack = newStack();
  new PrometheusPushGateway(stack, 'One', { code: someCode() });
  new PrometheusPushGateway(stack, 'Two', { code: someCode() });
  const template = Template.fromStack(stack);
  template.resourceCountIs(FUNCTION, 2);
  template.resourceCountIs(QUEUE, 4);
  template.resourceCountIs('AWS::APS::Workspace', 2);
});
