/** Validation and warnings for given queues, functions and roles. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Duration, Stack, Token } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import {
  PrometheusPushGatewayProps,
  QueryOperation,
  TelemetryDestination,
} from 'cdk-serverless-prometheus-push-gateway';
import { importedWorkspace, newGateway, newQueries, newStack, newTelemetry, someCode, someFunction } from './support';

const ENV = { region: 'eu-west-1', account: '123456789012' };
const ROLE = 'arn:aws:iam::123456789012:role/own';

const queueWith = (stack: Stack, props?: sqs.QueueProps) => new sqs.Queue(stack, 'Own', props);
const importedQueue = (stack: Stack, id = 'Own', region = 'eu-west-1') =>
  sqs.Queue.fromQueueArn(stack, id, `arn:aws:sqs:${region}:123456789012:${id}`);
const functionWith = (stack: Stack, runtime: lambda.Runtime, role?: iam.IRole) =>
  new lambda.Function(stack, 'Fn', { runtime, handler: 'index.handler', code: someCode(), role });

function warnings(fill: (stack: Stack) => void): string[] {
  const stack = newStack({ env: ENV });
  fill(stack);
  return Annotations.fromStack(stack)
    .findWarning('*', Match.anyValue())
    .map(({ entry }) => String(entry.data).replace(/ \[ack: .*/, ''));
}

for (const [what, props, message] of [
  ['the default', undefined, 'queue: expected a visibility timeout of at least 190 s, got 30 s'],
  [
    'six timeouts without the window',
    { visibilityTimeout: Duration.seconds(180) },
    'queue: expected a visibility timeout of at least 190 s, got 180 s',
  ],
] as [string, sqs.QueueProps | undefined, string][]) {
  test(`fails if the visibility timeout is ${what}`, () => {
    const stack = newStack();
    assert.throws(() => newGateway(stack, { queue: queueWith(stack, props) }), {
      message: `Stack/Metrics: ${message}`,
    });
  });
}

test('a sufficient visibility timeout is accepted', () => {
  for (const seconds of [190, Token.asNumber({ Ref: 'VisibilityTimeout' })]) {
    const stack = newStack();
    assert.doesNotThrow(() =>
      newGateway(stack, { queue: queueWith(stack, { visibilityTimeout: Duration.seconds(seconds) }) }),
    );
  }
});

test('fails if the queue is its own dead-letter queue', () => {
  for (const same of [
    (stack: Stack) => {
      const queue = queueWith(stack, { visibilityTimeout: Duration.minutes(5) });
      return { queue, deadLetterQueue: queue };
    },
    (stack: Stack) => ({ queue: importedQueue(stack), deadLetterQueue: importedQueue(new Stack(stack, 'Nested')) }),
  ]) {
    const stack = newStack();
    assert.throws(() => newGateway(stack, same(stack)), {
      message: 'Stack/Metrics: deadLetterQueue: expected another queue than queue, got Stack/Own for both',
    });
  }
});

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html: the queue must be in the same region as the function. */
test('fails if a queue is in another region', () => {
  for (const prop of ['queue', 'deadLetterQueue'] as const) {
    const stack = newStack({ env: ENV });
    const props: PrometheusPushGatewayProps = { [prop]: importedQueue(stack, 'Own', 'us-east-1') };
    assert.throws(() => newGateway(stack, props), {
      message: `Stack/Metrics: ${prop}: expected a queue in the region of the stack, got one in us-east-1`,
    });
  }
});

test('an imported queue gives a warning with requirements', () => {
  assert.deepEqual(
    warnings((stack) => newGateway(stack, { queue: importedQueue(stack) })),
    [
      'the queue Stack/Own is imported, so its settings are unknown; ' +
        'it needs a visibility timeout of at least 190 s and a dead-letter queue',
    ],
  );
});

test('a queue without a dead-letter queue gives a warning', () => {
  const given = (deadLetterQueue?: (stack: Stack) => sqs.DeadLetterQueue) =>
    warnings((stack) => {
      newGateway(stack, {
        queue: queueWith(stack, { visibilityTimeout: Duration.minutes(5), deadLetterQueue: deadLetterQueue?.(stack) }),
      });
    });
  assert.deepEqual(given(), [
    'the queue Stack/Own has no dead-letter queue, so messages that are not delivered within their retention are lost; ' +
      'set deadLetterQueue of the queue',
  ]);
  assert.deepEqual(
    given((stack) => ({ queue: new sqs.Queue(stack, 'Letters'), maxReceiveCount: 5 })),
    [],
  );
});

test('fails if the runtime does not start bootstrap', () => {
  for (const runtime of [lambda.Runtime.NODEJS_22_X, lambda.Runtime.PYTHON_3_13, lambda.Runtime.PROVIDED_AL2]) {
    const stack = newStack();
    assert.throws(() => newGateway(stack, { function: functionWith(stack, runtime) }), {
      message: `Stack/Metrics: function: expected the runtime lambda.Runtime.PROVIDED_AL2023 or a container image, got ${runtime.name}`,
    });
  }
});

test('PROVIDED_AL2023 and container images are accepted', () => {
  const stack = newStack();
  const image = new lambda.Function(stack, 'Image', {
    runtime: lambda.Runtime.FROM_IMAGE,
    handler: lambda.Handler.FROM_IMAGE,
    code: lambda.Code.fromEcrImage(ecr.Repository.fromRepositoryName(stack, 'Images', 'images')),
  });
  assert.doesNotThrow(() => newGateway(stack, { function: image }));
  const other = newStack();
  assert.doesNotThrow(() => newGateway(other, { function: functionWith(other, lambda.Runtime.PROVIDED_AL2023) }));
});

/** The actions in the warnings for an immutable role. */
function missing(fill: (stack: Stack, role: iam.IRole) => void): string[] {
  const found = warnings((stack) => fill(stack, iam.Role.fromRoleArn(stack, 'Role', ROLE, { mutable: false })));
  return found.flatMap((warning) => {
    const start = 'the role Stack/Role is imported as immutable and gets no permission; add to its policy: ';
    assert.ok(warning.startsWith(start), warning);
    return JSON.parse(`[${warning.slice(start.length)}]`).flatMap(({ Action, Resource }: any) => {
      assert.ok(Resource);
      return Action;
    });
  });
}

test('an immutable role gives a warning with each statement', () => {
  assert.deepEqual(
    missing((stack, role) =>
      newGateway(stack, { function: functionWith(stack, lambda.Runtime.PROVIDED_AL2023, role) }),
    ).sort(),
    ['aps:RemoteWrite', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage', 'sqs:SendMessage'],
  );
});

for (const [what, fill, actions] of [
  ['invokes the function', (stack, role) => newGateway(stack).grantInvoke(role), ['lambda:InvokeFunction']],
  [
    'sends',
    (stack, role) => newGateway(stack).grantSendMessages(role),
    ['sqs:SendMessage', 'sqs:GetQueueAttributes', 'sqs:GetQueueUrl'],
  ],
  ['writes', (stack, role) => importedWorkspace(stack).grantRemoteWrite(role), ['aps:RemoteWrite']],
  [
    'invokes query functions',
    (stack, role) => newQueries(stack, { operations: [QueryOperation.QUERY] }).grantInvoke(role),
    ['lambda:InvokeFunction'],
  ],
  [
    'has telemetry',
    (stack, role) => newTelemetry(stack).addTo(someFunction(stack, 'Fn', { role })),
    ['aps:RemoteWrite'],
  ],
  [
    'sends telemetry to a gateway',
    (stack, role) => {
      const destination = TelemetryDestination.gateway(newGateway(stack));
      newTelemetry(stack, { destination }).addTo(someFunction(stack, 'Fn', { role }));
    },
    ['sqs:SendMessage'],
  ],
  [
    'is that of an agent gateway',
    (stack, role) => {
      const gateway = new agentcore.Gateway(stack, 'Agents', {
        role,
        authorizerConfiguration: agentcore.GatewayAuthorizer.usingAwsIam(),
      });
      newQueries(stack, { operations: [QueryOperation.QUERY] }).addToAgentCoreGateway(gateway);
    },
    ['lambda:InvokeFunction'],
  ],
] as [string, (stack: Stack, role: iam.IRole) => void, string[]][]) {
  test(`an immutable role that ${what} gives a warning`, () => {
    assert.deepEqual(missing(fill), actions);
  });
}

test('mutable roles give no warning', () => {
  for (const role of [
    (stack: Stack) => iam.Role.fromRoleArn(stack, 'Role', ROLE),
    (stack: Stack) => new iam.Role(stack, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') }),
  ]) {
    assert.deepEqual(
      warnings((stack) =>
        newGateway(stack, { function: functionWith(stack, lambda.Runtime.PROVIDED_AL2023, role(stack)) }),
      ),
      [],
    );
  }
});
