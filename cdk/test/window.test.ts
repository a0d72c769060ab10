/** The out-of-order time window: where the function gets it from. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { App, Duration, Stack, Token } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as aps from 'aws-cdk-lib/aws-aps';
import { PrometheusPushGatewayProps, PrometheusWorkspace } from 'cdk-serverless-prometheus-push-gateway';
import { importedWorkspace, inStack, newGateway, newStack, only, variables } from './support';

type Given = (stack: Stack) => PrometheusPushGatewayProps;

const seconds = (count: number) => Duration.seconds(count);
const workspaceWith = (stack: Stack, outOfOrderTimeWindow: Duration) =>
  new PrometheusWorkspace(stack, 'Workspace', { outOfOrderTimeWindow });
const resourceWith = (stack: Stack, workspaceConfiguration?: aps.CfnWorkspace['workspaceConfiguration']) =>
  new aps.CfnWorkspace(stack, 'Raw', { workspaceConfiguration });

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
