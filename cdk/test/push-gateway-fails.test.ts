import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CfnParameter, Duration, Stack, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { PrometheusPushGatewayProps } from 'cdk-serverless-prometheus-push-gateway';
import { inStack, newGateway, newStack, only, someCode } from './support';

const queue = (stack: Stack) => new sqs.Queue(stack, 'Own', { visibilityTimeout: Duration.seconds(190) });
const fn = (stack: Stack) =>
  new lambda.Function(stack, 'Fn', { runtime: lambda.Runtime.PROVIDED_AL2023, handler: 'bootstrap', code: someCode() });

for (const [what, props, message] of [
  ['the batch size is 0', { batchSize: 0 }, 'batchSize: expected an integer between 1 and 10000, got 0'],
  [
    'the batch size is too large',
    { batchSize: 10_001 },
    'batchSize: expected an integer between 1 and 10000, got 10001',
  ],
  ['the batch size is no integer', { batchSize: 1.5 }, 'batchSize: expected an integer between 1 and 10000, got 1.5'],
  [
    'the batch size is too large for FIFO',
    { fifo: true, batchSize: 11 },
    'batchSize: expected an integer between 1 and 10, got 11',
  ],
  [
    'the window is too long',
    { maxBatchingWindow: Duration.seconds(301) },
    'maxBatchingWindow: expected whole seconds between 0 s and 300 s, got 301 s',
  ],
  [
    'there is no window for a large batch',
    { maxBatchingWindow: Duration.seconds(0) },
    'maxBatchingWindow: expected at least 1 s with a batchSize above 10, got a batchSize of 10000',
  ],
  [
    'there is a window with FIFO',
    { fifo: true, maxBatchingWindow: Duration.seconds(10) },
    'maxBatchingWindow cannot be set with a FIFO queue',
  ],
  ['one batch alone may run', { maxConcurrency: 1 }, 'maxConcurrency: expected an integer between 2 and 1000, got 1'],
  [
    'too many batches may run',
    { maxConcurrency: 1001 },
    'maxConcurrency: expected an integer between 2 and 1000, got 1001',
  ],
  [
    'messages are received too few times',
    { maxReceiveCount: 4 },
    'maxReceiveCount: expected an integer between 5 and 1000, got 4',
  ],
  [
    'messages are received too often',
    { maxReceiveCount: 1001 },
    'maxReceiveCount: expected an integer between 5 and 1000, got 1001',
  ],
  ['there is too little memory', { memorySize: 127 }, 'memorySize: expected an integer between 128 and 10240, got 127'],
  [
    'there is too much memory',
    { memorySize: 10_241 },
    'memorySize: expected an integer between 128 and 10240, got 10241',
  ],
  [
    'the timeout is too short',
    { timeout: Duration.seconds(9) },
    'timeout: expected whole seconds between 10 s and 900 s, got 9 s',
  ],
  [
    'the timeout is too long',
    { timeout: Duration.seconds(901) },
    'timeout: expected whole seconds between 10 s and 900 s, got 901 s',
  ],
  [
    'messages are not hidden for long enough',
    { visibilityTimeout: Duration.seconds(189) },
    'visibilityTimeout: expected whole seconds between 190 s and 43200 s, got 189 s',
  ],
  [
    'messages are hidden for too long',
    { visibilityTimeout: Duration.hours(13) },
    'visibilityTimeout: expected whole seconds between 190 s and 43200 s, got 46800 s',
  ],
  [
    'the visibility timeout cannot be known',
    { timeout: Duration.seconds(Token.asNumber({ Ref: 'Timeout' })) },
    'visibilityTimeout is required if timeout or maxBatchingWindow is a token',
  ],
  ['there are too many retries', { retryAttempts: 3 }, 'retryAttempts: expected an integer between 0 and 2, got 3'],
  [
    'events fail too early',
    { maxEventAge: Duration.seconds(59) },
    'maxEventAge: expected whole seconds between 60 s and 21600 s, got 59 s',
  ],
  [
    'events wait too long',
    { maxEventAge: Duration.hours(7) },
    'maxEventAge: expected whole seconds between 60 s and 21600 s, got 25200 s',
  ],
  [
    'a label has a name that Prometheus does not allow',
    { externalLabels: { 'a.b': 'c' } },
    'externalLabels: expected names that match [a-zA-Z_][a-zA-Z0-9_]*, got "a.b"',
  ],
  [
    'a label is the metric name',
    { externalLabels: { __name__: 'c' } },
    'externalLabels: "__name__" is reserved for the metric name',
  ],
  [
    'the URL is set by hand',
    { environment: { REMOTE_WRITE_URL: 'https://example.com' } },
    'environment: REMOTE_WRITE_URL is reserved; use the prop workspace',
  ],
  [
    'the log level is set by hand',
    { environment: { AWS_LAMBDA_LOG_LEVEL: 'debug' } },
    'environment: AWS_LAMBDA_LOG_LEVEL is reserved; use the prop logLevel',
  ],
  ['subnets are given without a VPC', { vpcSubnets: {} }, 'vpcSubnets requires vpc'],
  ['security groups are given without a VPC', { securityGroups: [] }, 'securityGroups requires vpc'],
  [
    'there is a queue and is none',
    (stack) => ({ directInvokeOnly: true, queue: queue(stack) }),
    'directInvokeOnly and queue cannot be set together',
  ],
  [
    'a batch has no queue',
    { directInvokeOnly: true, batchSize: 10 },
    'directInvokeOnly and batchSize cannot be set together',
  ],
  [
    "a given queue's redrive policy is to be another",
    (stack) => ({ queue: queue(stack), maxReceiveCount: 5 }),
    'queue and maxReceiveCount cannot be set together',
  ],
  [
    'a given queue is to be FIFO',
    (stack) => ({ queue: queue(stack), fifo: true }),
    'queue and fifo cannot be set together',
  ],
  [
    'there is no queue left to encrypt',
    (stack) => ({
      queue: queue(stack),
      deadLetterQueue: new sqs.Queue(stack, 'Letters'),
      queueEncryptionKey: new kms.Key(stack, 'Key'),
    }),
    'queue and queueEncryptionKey cannot be set together',
  ],
  [
    'a FIFO queue has a standard dead-letter queue',
    (stack) => ({ fifo: true, deadLetterQueue: queue(stack) }),
    'deadLetterQueue: expected a FIFO queue, like queue, got a standard queue',
  ],
  [
    'a standard queue has a FIFO dead-letter queue',
    (stack) => ({ deadLetterQueue: new sqs.Queue(stack, 'Letters', { fifo: true }) }),
    'deadLetterQueue: expected a standard queue, like queue, got a FIFO queue',
  ],
  [
    'failed invokes are to go to a FIFO queue',
    (stack) => ({ directInvokeOnly: true, deadLetterQueue: new sqs.Queue(stack, 'Letters', { fifo: true }) }),
    'deadLetterQueue: expected a standard queue, because Lambda cannot send failed invocations to a FIFO queue, got a FIFO queue',
  ],
  [
    'a log group is given and its retention too',
    (stack) => ({ logGroup: new logs.LogGroup(stack, 'Logs'), logRetention: logs.RetentionDays.ONE_DAY }),
    'logGroup and logRetention cannot be set together',
  ],
  [
    'a given function is to have other memory',
    (stack) => ({ function: fn(stack), memorySize: 256 }),
    'function and memorySize cannot be set together',
  ],
  [
    'a given function is to be in a VPC',
    (stack) => ({ function: fn(stack), vpc: new ec2.Vpc(stack, 'Vpc') }),
    'function and vpc cannot be set together',
  ],
  [
    'several props are wrong, with all of them',
    { batchSize: 0, memorySize: 1 },
    'batchSize: expected an integer between 1 and 10000, got 0; memorySize: expected an integer between 128 and 10240, got 1',
  ],
] as [string, PrometheusPushGatewayProps | ((stack: Stack) => PrometheusPushGatewayProps), string][]) {
  test(`fails if ${what}`, () => {
    const stack = newStack();
    const given = typeof props === 'function' ? props(stack) : props;
    assert.throws(() => newGateway(stack, given), { message: `Stack/Metrics: ${message}` });
  });
}

test('a gateway that fails leaves no resource behind', () => {
  const stack = newStack();
  assert.throws(() => newGateway(stack, { batchSize: 0 }));
  assert.deepEqual(stack.node.findChild('Metrics').node.children, []);
});

test('fails if messages are sent or measured without a queue', () => {
  const gateway = newGateway(newStack(), { directInvokeOnly: true });
  assert.throws(() => gateway.grantSendMessages(gateway), {
    message: 'Stack/Metrics: grantSendMessages requires a queue, but directInvokeOnly is true',
  });
  assert.throws(() => gateway.metricApproximateAgeOfOldestMessage(), {
    message: 'Stack/Metrics: metricApproximateAgeOfOldestMessage requires a queue, but directInvokeOnly is true',
  });
});

test('values that are known only at deployment pass', () => {
  const template = inStack((stack) => {
    const number = (id: string) => new CfnParameter(stack, id, { type: 'Number' }).valueAsNumber;
    newGateway(stack, {
      batchSize: number('BatchSize'),
      timeout: Duration.seconds(number('Timeout')),
      visibilityTimeout: Duration.minutes(15),
    });
  });
  assert.deepEqual(only(template, 'AWS::Lambda::EventSourceMapping').BatchSize, { Ref: 'BatchSize' });
  assert.deepEqual(only(template, 'AWS::Lambda::Function').Timeout, { Ref: 'Timeout' });
});
