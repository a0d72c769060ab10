/** The out-of-order time window: where the function gets it from, and when it is too short for the queue. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { App, Duration, Lazy, Stack, Token } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as aps from 'aws-cdk-lib/aws-aps';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { PrometheusPushGatewayProps, PrometheusWorkspace } from 'cdk-serverless-prometheus-push-gateway';
import { importedWorkspace, inStack, newGateway, newStack, only, variables } from './support';

type Given = (stack: Stack) => PrometheusPushGatewayProps;

const seconds = (count: number) => Duration.seconds(count);
const workspaceWith = (stack: Stack, outOfOrderTimeWindow: Duration) =>
  new PrometheusWorkspace(stack, 'Workspace', { outOfOrderTimeWindow });
const resourceWith = (stack: Stack, workspaceConfiguration?: aps.CfnWorkspace['workspaceConfiguration']) =>
  new aps.CfnWorkspace(stack, 'Raw', { workspaceConfiguration });
const queueWith = (stack: Stack, visibilityTimeout: Duration) => {
  const deadLetterQueue = { queue: new sqs.Queue(stack, 'Letters'), maxReceiveCount: 5 };
  return new sqs.Queue(stack, 'Own', { visibilityTimeout, deadLetterQueue });
};

for (const [what, given, window] of [
  ['of a new workspace', () => ({}), '600'],
  ['of a workspace in the app', (stack) => ({ workspace: workspaceWith(stack, seconds(300)) }), '300'],
  ['of 0', (stack) => ({ workspace: workspaceWith(stack, seconds(0)) }), '0'],
  ['of a CfnWorkspace', (stack) => ({ workspace: resourceWith(stack, { outOfOrderTimeWindowInSeconds: 300 }) }), '300'],
  ['of a CfnWorkspace without one', (stack) => ({ workspace: resourceWith(stack) }), undefined],
  ['of an imported workspace', (stack) => ({ workspace: importedWorkspace(stack) }), undefined],
  ['in the props', (stack) => ({ workspace: importedWorkspace(stack), outOfOrderTimeWindow: seconds(300) }), '300'],
  [
    'in the props and the workspace',
    (stack) => ({ workspace: workspaceWith(stack, seconds(300)), outOfOrderTimeWindow: Duration.minutes(5) }),
    '300',
  ],
  [
    'that is a token',
    (stack) => ({ workspace: workspaceWith(stack, seconds(Token.asNumber({ Ref: 'Window' }))) }),
    { Ref: 'Window' },
  ],
] as [string, Given, unknown][]) {
  test(`the function gets the window ${what}`, () => {
    const template = inStack((stack) => newGateway(stack, given(stack)));
    assert.deepEqual(variables(template).OUT_OF_ORDER_WINDOW, window);
  });
}

test('a new workspace gets the window in the props', () => {
  const template = inStack((stack) => newGateway(stack, { outOfOrderTimeWindow: seconds(240) }));
  const { WorkspaceConfiguration } = only(template, 'AWS::APS::Workspace');
  assert.deepEqual(WorkspaceConfiguration, { OutOfOrderTimeWindowInSeconds: 240, RuleQueryOffsetInSeconds: 240 });
  assert.equal(variables(template).OUT_OF_ORDER_WINDOW, '240');
});

test('a workspace of another stack provides its window', () => {
  const stack = newStack();
  const workspace = workspaceWith(new Stack(App.of(stack), 'Other'), seconds(300));
  newGateway(stack, { workspace });
  assert.equal(variables(Template.fromStack(stack)).OUT_OF_ORDER_WINDOW, '300');
});

test('fails if the window differs from that of the workspace', () => {
  for (const workspaceOf of [
    (stack: Stack) => workspaceWith(stack, seconds(600)),
    (stack: Stack) => resourceWith(stack, { outOfOrderTimeWindowInSeconds: 600 }),
  ]) {
    const stack = newStack();
    assert.throws(() => newGateway(stack, { workspace: workspaceOf(stack), outOfOrderTimeWindow: seconds(300) }), {
      message: 'Stack/Metrics: outOfOrderTimeWindow: expected that of workspace, 600 s, got 300 s',
    });
  }
});

test('a window that may be the same is accepted', () => {
  const token = () => seconds(Token.asNumber({ Ref: 'Window' }));
  for (const [ofWorkspace, ofGateway] of [
    [token(), seconds(300)],
    [seconds(300), token()],
  ]) {
    const stack = newStack();
    const workspace = workspaceWith(stack, ofWorkspace);
    assert.doesNotThrow(() => newGateway(stack, { workspace, outOfOrderTimeWindow: ofGateway }));
  }
  const stack = newStack();
  // A property override may set it.
  assert.doesNotThrow(() => newGateway(stack, { workspace: resourceWith(stack), outOfOrderTimeWindow: seconds(300) }));
});

function warnings(given: Given): string[] {
  const stack = newStack();
  newGateway(stack, given(stack));
  return Annotations.fromStack(stack)
    .findWarning('*', Match.anyValue())
    .map(({ entry }) => String(entry.data).replace(/ \[ack: .*/, ''));
}

const WARNING = 'cdk-serverless-prometheus-push-gateway:windowBelowVisibilityTimeout';

for (const [what, given, [workspace, window], [queue, timeout]] of [
  [
    'of a workspace',
    (stack) => ({ workspace: workspaceWith(stack, seconds(189)) }),
    ['Stack/Workspace', 189],
    ['Stack/Metrics/Queue', 190],
  ],
  [
    'in the props',
    () => ({ outOfOrderTimeWindow: seconds(60) }),
    ['Stack/Metrics/Workspace', 60],
    ['Stack/Metrics/Queue', 190],
  ],
  [
    'of an imported workspace',
    (stack) => ({ workspace: importedWorkspace(stack, 'ws-1'), outOfOrderTimeWindow: seconds(60) }),
    ['Stack/Workspacews-1', 60],
    ['Stack/Metrics/Queue', 190],
  ],
  [
    'of a CfnWorkspace',
    (stack) => ({ workspace: resourceWith(stack, { outOfOrderTimeWindowInSeconds: 120 }) }),
    ['Stack/Raw', 120],
    ['Stack/Metrics/Queue', 190],
  ],
  ['that AMP sets', (stack) => ({ workspace: resourceWith(stack) }), ['Stack/Raw', 60], ['Stack/Metrics/Queue', 190]],
  [
    'below that of a long timeout',
    () => ({ timeout: seconds(99) }),
    ['Stack/Metrics/Workspace', 600],
    ['Stack/Metrics/Queue', 604],
  ],
  [
    'below a visibility timeout',
    () => ({ visibilityTimeout: seconds(601) }),
    ['Stack/Metrics/Workspace', 600],
    ['Stack/Metrics/Queue', 601],
  ],
  [
    'below that of a given queue',
    (stack) => ({ queue: queueWith(stack, seconds(601)) }),
    ['Stack/Metrics/Workspace', 600],
    ['Stack/Own', 601],
  ],
] as [string, Given, [string, number], [string, number]][]) {
  test(`a short window ${what} gives a warning`, () => {
    assert.deepEqual(warnings(given), [
      `the out-of-order time window of the workspace ${workspace}, ${window} s, is below the visibility timeout of the queue ${queue}, ` +
        `${timeout} s, so a message that is delivered again may be too old for the workspace; ` +
        'lengthen the window, to at most 600 s, or shorten the visibility timeout',
    ]);
  });
}

test('the warning can be acknowledged', () => {
  const stack = newStack();
  const gateway = newGateway(stack, { outOfOrderTimeWindow: seconds(60) });
  Annotations.fromStack(stack).hasWarning('/Stack/Metrics', Match.stringLikeRegexp(`\\[ack: ${WARNING}\\]$`));
  assert.equal(gateway.workspace.outOfOrderTimeWindow?.toSeconds(), 60);
});

for (const [what, given] of [
  ['by default', () => ({})],
  ['of the visibility timeout', (stack) => ({ workspace: workspaceWith(stack, seconds(190)) })],
  ['and a visibility timeout of 600 s', () => ({ visibilityTimeout: seconds(600) })],
  ['that is unknown', (stack) => ({ workspace: importedWorkspace(stack) })],
  ['that is a token', (stack) => ({ workspace: workspaceWith(stack, seconds(Token.asNumber({ Ref: 'Window' }))) })],
  [
    'in a configuration that is a token',
    (stack) => ({ workspace: resourceWith(stack, Lazy.any({ produce: () => ({}) })) }),
  ],
  [
    'and a visibility timeout that is a token',
    (stack) => ({ queue: queueWith(stack, seconds(Token.asNumber({ Ref: 'Hidden' }))) }),
  ],
  ['and no queue', () => ({ directInvokeOnly: true, outOfOrderTimeWindow: seconds(0) })],
  ['and a FIFO queue', () => ({ fifo: true, outOfOrderTimeWindow: seconds(0) })],
] as [string, Given][]) {
  test(`a window ${what} gives no warning`, () => {
    assert.deepEqual(warnings(given), []);
  });
}
