import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CfnParameter, Duration, Stack, Token } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { PrometheusPushGatewayProps } from 'cdk-serverless-prometheus-push-gateway';
import { inStack, newGateway, newStack, only } from './support';

const queue = (stack: Stack) => new sqs.Queue(stack, 'Own', { visibilityTimeout: Duration.seconds(190) });

for (const [props, message] of [
  [{ batchSize: 0 }, 'batchSize: expected an integer between 1 and 10000, got 0'],
  [{ batchSize: 10_001 }, 'batchSize: expected an integer between 1 and 10000, got 10001'],
  [{ batchSize: 1.5 }, 'batchSize: expected an integer between 1 and 10000, got 1.5'],
  [{ fifo: true, batchSize: 11 }, 'batchSize: expected an integer between 1 and 10, got 11'],
  [
    { maxBatchingWindow: Duration.seconds(301) },
    'maxBatchingWindow: expected whole seconds between 0 s and 300 s, got 301 s',
  ],
  [
    { maxBatchingWindow: Duration.seconds(0) },
    'maxBatchingWindow: expected at least 1 s with a batchSize above 10, got a batchSize of 10000',
  ],
  [{ fifo: true, maxBatchingWindow: Duration.seconds(10) }, 'maxBatchingWindow cannot be set with a FIFO queue'],
  [{ maxConcurrency: 1 }, 'maxConcurrency: expected an integer between 2 and 1000, got 1'],
  [{ maxConcurrency: 1001 }, 'maxConcurrency: expected an integer between 2 and 1000, got 1001'],
  [{ maxReceiveCount: 4 }, 'maxReceiveCount: expected an integer between 5 and 1000, got 4'],
  [{ maxReceiveCount: 1001 }, 'maxReceiveCount: expected an integer between 5 and 1000, got 1001'],
  [{ memorySize: 127 }, 'memorySize: expected an integer between 128 and 10240, got 127'],
  [{ memorySize: 10_241 }, 'memorySize: expected an integer between 128 and 10240, got 10241'],
  [{ timeout: Duration.seconds(9) }, 'timeout: expected whole seconds between 10 s and 900 s, got 9 s'],
  [{ timeout: Duration.seconds(901) }, 'timeout: expected whole seconds between 10 s and 900 s, got 901 s'],
  [
    { visibilityTimeout: Duration.seconds(189) },
    'visibilityTimeout: expected whole seconds between 190 s and 43200 s, got 189 s',
  ],
  [
    { visibilityTimeout: Duration.hours(13) },
    'visibilityTimeout: expected whole seconds between 190 s and 43200 s, got 46800 s',
  ],
  [
    { timeout: Duration.seconds(Token.asNumber({ Ref: 'Timeout' })) },
    'visibilityTimeout is required if timeout or maxBatchingWindow is a token',
  ],
  [{ retryAttempts: 3 }, 'retryAttempts: expected an integer between 0 and 2, got 3'],
  [{ maxEventAge: Duration.seconds(59) }, 'maxEventAge: expected whole seconds between 60 s and 21600 s, got 59 s'],
  [{ maxEventAge: Duration.hours(7) }, 'maxEventAge: expected whole seconds between 60 s and 21600 s, got 25200 s'],
  [{ maxFuture: Duration.seconds(601) }, 'maxFuture: expected whole seconds between 1 s and 600 s, got 601 s'],
  [
    { outOfOrderTimeWindow: Duration.seconds(601) },
    'outOfOrderTimeWindow: expected whole seconds between 0 s and 600 s, got 601 s',
  ],
  [{ externalLabels: { 'a.b': 'c' } }, 'externalLabels: expected names that match [a-zA-Z_][a-zA-Z0-9_]*, got "a.b"'],
  [{ externalLabels: { __name__: 'c' } }, 'externalLabels: "__name__" is reserved for the metric name'],
  [
    { environment: { REMOTE_WRITE_URL: 'https://example.com' } },
    'environment: REMOTE_WRITE_URL is reserved; use the prop workspace',
  ],
  [
    { environment: { AWS_LAMBDA_LOG_LEVEL: 'debug' } },
    'environment: AWS_LAMBDA_LOG_LEVEL is reserved; use the prop logLevel',
  ],
  [{ vpcSubnets: {} }, 'vpcSubnets requires vpc'],
  [{ securityGroups: [] }, 'securityGroups requires vpc'],
  [(stack) => ({ directInvokeOnly: true, queue: queue(stack) }), 'directInvokeOnly and queue cannot be set together'],
  [{ directInvokeOnly: true, batchSize: 10 }, 'directInvokeOnly and batchSize cannot be set together'],
  [(stack) => ({ queue: queue(stack), maxReceiveCount: 5 }), 'queue and maxReceiveCount cannot be set together'],
  [(stack) => ({ queue: queue(stack), fifo: true }), 'queue and fifo cannot be set together'],
  [
    (stack) => ({
      queue: queue(stack),
      deadLetterQueue: new sqs.Queue(stack, 'Letters'),
      queueEncryptionKey: new kms.Key(stack, 'Key'),
    }),
    'queue and queueEncryptionKey cannot be set together',
  ],
  [
    (stack) => ({ fifo: true, deadLetterQueue: queue(stack) }),
    'deadLetterQueue: expected a FIFO queue, like queue, got a standard queue',
  ],
  [
    (stack) => ({ deadLetterQueue: new sqs.Queue(stack, 'Letters', { fifo: true }) }),
    'deadLetterQueue: expected a standard queue, like queue, got a FIFO queue',
  ],
  [
    (stack) => ({ directInvokeOnly: true, deadLetterQueue: new sqs.Queue(stack, 'Letters', { fifo: true }) }),
    'deadLetterQueue: expected a standard queue, because Lambda cannot send failed invocations to a FIFO queue, got a FIFO queue',
  ],
  [
    (stack) => ({ logGroup: new logs.LogGroup(stack, 'Logs'), logRetention: logs.RetentionDays.ONE_DAY }),
    'logGroup and logRetention cannot be set together',
  ],
  [
    { batchSize: 0, memorySize: 1 },
    'batchSize: expected an integer between 1 and 10000, got 0; memorySize: expected an integer between 128 and 10240, got 1',
  ],
] as [PrometheusPushGatewayProps | ((stack: Stack) => PrometheusPushGatewayProps), string][]) {
  test(`fails: ${message}`.slice(0, 60), () => {
    const stack = newStack();
    const given = typeof props === 'function' ? props(stack) : props;
    assert.throws(() => newGateway(stack, given), { message: `Stack/Metrics: ${message}` });
  });
}

test('an invalid gateway creates no resources', () => {
  const stack = newStack();
  assert.throws(() => newGateway(stack, { batchSize: 0 }));
  assert.deepEqual(stack.node.findChild('Metrics').node.children, []);
});

test('methods for the queue fail without a queue', () => {
  const gateway = newGateway(newStack(), { directInvokeOnly: true });
  assert.throws(() => gateway.grantSendMessages(gateway), {
    message: 'Stack/Metrics: grantSendMessages requires a queue, but directInvokeOnly is true',
  });
  assert.throws(() => gateway.metricApproximateAgeOfOldestMessage(), {
    message: 'Stack/Metrics: metricApproximateAgeOfOldestMessage requires a queue, but directInvokeOnly is true',
  });
});

test('tokens are accepted', () => {
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
