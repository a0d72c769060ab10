/** Metrics and alarms of workspaces and queues in other regions and accounts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { App, Stack, Token } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { DiscardReason, IPrometheusWorkspace, PrometheusWorkspace } from 'cdk-serverless-prometheus-push-gateway';
import { newGateway, newStack, only } from './support';

const HERE = { region: 'eu-west-1', account: '123456789012' };
const OTHER_REGION = { region: 'us-east-1', account: '123456789012' };
const OTHER_ACCOUNT = { region: 'eu-west-1', account: '210987654321' };
const ALARM = 'AWS::CloudWatch::Alarm';

const arnIn = ({ region, account }: typeof HERE) => `arn:aws:aps:${region}:${account}:workspace/ws-1234-abcd`;
const importedIn = (stack: Stack, env: typeof HERE) =>
  PrometheusWorkspace.fromWorkspaceAttributes(stack, 'Workspace', { workspaceArn: arnIn(env) });

function metricsOf(workspace: IPrometheusWorkspace): cloudwatch.Metric[] {
  return [
    workspace.metric('RuleEvaluationFailures'),
    workspace.metricDiscardedSamplesByReason(DiscardReason.RATE_LIMITED),
    workspace.metricOutOfOrderSampleAge(),
    workspace.metricIngestionRate(),
    workspace.metricActiveSeries(),
  ];
}

for (const [what, env] of Object.entries({ region: OTHER_REGION, account: OTHER_ACCOUNT })) {
  test(`metrics of a workspace in another ${what} name it`, () => {
    for (const stackEnv of [HERE, undefined]) {
      for (const { metricName, region, account } of metricsOf(importedIn(newStack({ env: stackEnv }), env))) {
        assert.deepEqual({ region, account }, env, metricName);
      }
    }
    const discarded = importedIn(newStack({ env: HERE }), env).metricDiscardedSamples();
    assert.deepEqual({ region: discarded.searchRegion, account: discarded.searchAccount }, env);
  });

  test(`no alarm watches a workspace in another ${what}`, () => {
    const { alarms, template, warnings } = alarmsFor(env, HERE);
    assert.equal(alarms.discardedSamples, undefined);
    template.resourceCountIs(ALARM, 4);
    assert.deepEqual(warnings, [
      'there is no alarm for discarded samples, because the workspace Stack/Workspace is in another region or account; ' +
        'create one there on metricDiscardedSamples',
    ]);
  });
}

function alarmsFor(workspaceEnv: typeof HERE, env?: typeof HERE) {
  const stack = newStack({ env });
  const gateway = newGateway(stack, { workspace: importedIn(stack, workspaceEnv) });
  const alarms = gateway.addAlarms(new sns.Topic(stack, 'Topic'));
  const warnings = Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('discarded samples'));
  return {
    alarms,
    template: Template.fromStack(stack),
    warnings: warnings.map(({ entry }) => String(entry.data).replace(/ \[ack: .*/, '')),
  };
}

test('a workspace in the same environment has an alarm', () => {
  const { alarms, template, warnings } = alarmsFor(HERE, HERE);
  assert.ok(alarms.discardedSamples);
  template.resourceCountIs(ALARM, 5);
  assert.deepEqual(warnings, []);
});

test('an unknown environment has the alarm and a warning', () => {
  const { alarms, warnings } = alarmsFor(HERE);
  assert.ok(alarms.discardedSamples);
  assert.deepEqual(warnings, [
    'the alarm for discarded samples works only if the workspace Stack/Workspace is in the region and account of the stack, ' +
      'which are not known at synthesis; set env of the stack',
  ]);
});

test('metrics of a workspace in the stack name no region', () => {
  const stack = newStack();
  const workspace = new PrometheusWorkspace(stack, 'Workspace');
  for (const { region, account } of metricsOf(workspace))
    assert.deepEqual({ region, account }, { region: undefined, account: undefined });
  newGateway(stack, { workspace }).addAlarms(new sns.Topic(stack, 'Topic'));
  assert.deepEqual(Annotations.fromStack(stack).findWarning('*', Match.anyValue()), []);
});

test('metrics of a workspace with a token ARN have no region', () => {
  const stack = newStack({ env: HERE });
  const workspaceArn = Token.asString({ 'Fn::ImportValue': 'workspace' });
  const workspace = PrometheusWorkspace.fromWorkspaceAttributes(stack, 'Workspace', { workspaceArn });
  assert.doesNotThrow(() =>
    workspace.metricIngestionRate().createAlarm(stack, 'Alarm', { threshold: 1, evaluationPeriods: 1 }),
  );
});

/** The metrics of the dashboard that name another region. */
function inOtherRegion(stack: Stack): string[] {
  const body = JSON.stringify(only(Template.fromStack(stack), 'AWS::CloudWatch::Dashboard').DashboardBody).replaceAll(
    '\\',
    '',
  );
  const metrics = body.match(/"metrics":\[\[.*?\]\],"yAxis"/g)!.flatMap((graph) => graph.split('],['));
  const found = metrics.filter((metric) => metric.includes('"region":"us-east-1"'));
  return found.map((metric) => /DiscardedSamples|IngestionRate|ActiveSeries|OutOfOrderSampleAge/.exec(metric)![0]);
}

test('the dashboard names the region of an imported workspace', () => {
  const stack = newStack({ env: HERE });
  newGateway(stack, { workspace: importedIn(stack, OTHER_REGION) }).addDashboard();
  assert.deepEqual(inOtherRegion(stack), ['DiscardedSamples', 'IngestionRate', 'ActiveSeries', 'OutOfOrderSampleAge']);
});

test('the dashboard names the region of another stack', () => {
  const app = new App();
  const workspace = new PrometheusWorkspace(
    new Stack(app, 'There', { env: OTHER_REGION, crossRegionReferences: true }),
    'Workspace',
  );
  const stack = new Stack(app, 'Stack', { env: HERE, crossRegionReferences: true });
  newGateway(stack, { workspace }).addDashboard();
  assert.deepEqual(inOtherRegion(stack), ['DiscardedSamples', 'IngestionRate', 'ActiveSeries', 'OutOfOrderSampleAge']);
});

test('metrics of a queue in another account name the account', () => {
  const stack = newStack({ env: HERE });
  const queue = sqs.Queue.fromQueueArn(stack, 'Queue', 'arn:aws:sqs:eu-west-1:210987654321:queue');
  const gateway = newGateway(stack, { queue });
  assert.equal(gateway.metricApproximateAgeOfOldestMessage().account, '210987654321');
  assert.equal(gateway.metricDeadLetters().account, '123456789012');
  gateway.addAlarms(new sns.Topic(stack, 'Topic'));
  Annotations.fromStack(stack).hasWarning(
    '/Stack/Metrics',
    Match.stringLikeRegexp(
      '^the alarm for the queue Stack/Queue works only if its account 210987654321 shares its metrics',
    ),
  );
});
