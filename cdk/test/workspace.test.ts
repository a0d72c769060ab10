import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import {
  DiscardReason,
  PrometheusWorkspace,
  PrometheusWorkspaceProps,
  YamlDefinition,
} from 'cdk-serverless-prometheus-push-gateway';
import { inStack, newStack } from './support';

const WORKSPACE = 'AWS::APS::Workspace';
const ARN = 'arn:aws:aps:eu-west-1:123456789012:workspace/ws-1234-abcd';
const RULES = 'groups:\n- name: g\n  rules:\n  - record: a:b\n    expr: sum(a)\n';
const ALERTMANAGER = 'alertmanager_config: |\n  route:\n    receiver: default\n  receivers:\n  - name: default\n';

function workspaceTemplate(
  props: PrometheusWorkspaceProps | ((stack: Stack) => PrometheusWorkspaceProps),
  more: (workspace: PrometheusWorkspace) => void = () => {},
): Template {
  return inStack((stack) => {
    more(new PrometheusWorkspace(stack, 'Workspace', typeof props === 'function' ? props(stack) : props));
  });
}

function imported(stack = newStack()) {
  return PrometheusWorkspace.fromWorkspaceAttributes(stack, 'Workspace', { workspaceArn: ARN });
}

test('by default a workspace has the widest out-of-order time window, a rule query offset to match, and is kept', () => {
  const template = workspaceTemplate({});
  template.hasResource(WORKSPACE, {
    Properties: {
      WorkspaceConfiguration: { OutOfOrderTimeWindowInSeconds: 600, RuleQueryOffsetInSeconds: 600 },
      Alias: Match.absent(),
      AlertManagerDefinition: Match.absent(),
      KmsKeyArn: Match.absent(),
      LoggingConfiguration: Match.absent(),
      QueryLoggingConfiguration: Match.absent(),
    },
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
  });
  template.resourceCountIs(WORKSPACE, 1);
});

test('a workspace has the alias, retention, window and offset that it is given', () => {
  workspaceTemplate({
    alias: 'devices',
    retention: Duration.days(30),
    outOfOrderTimeWindow: Duration.seconds(120),
    ruleQueryOffset: Duration.seconds(0),
  }).hasResourceProperties(WORKSPACE, {
    Alias: 'devices',
    WorkspaceConfiguration: {
      RetentionPeriodInDays: 30,
      OutOfOrderTimeWindowInSeconds: 120,
      RuleQueryOffsetInSeconds: 0,
    },
  });
});

test('the rule query offset follows the out-of-order time window', () => {
  workspaceTemplate({ outOfOrderTimeWindow: Duration.seconds(60) }).hasResourceProperties(WORKSPACE, {
    WorkspaceConfiguration: { OutOfOrderTimeWindowInSeconds: 60, RuleQueryOffsetInSeconds: 60 },
  });
});

test('label sets have limits, and {} is the default bucket', () => {
  workspaceTemplate({
    limitsPerLabelSet: [
      { labels: { team: 'a', env: 'prod' }, maxSeries: 1000 },
      { labels: {}, maxSeries: 0 },
    ],
  }).hasResourceProperties(WORKSPACE, {
    WorkspaceConfiguration: {
      LimitsPerLabelSets: [
        {
          LabelSet: [
            { Name: 'team', Value: 'a' },
            { Name: 'env', Value: 'prod' },
          ],
          Limits: { MaxSeries: 1000 },
        },
        { LabelSet: [], Limits: { MaxSeries: 0 } },
      ],
    },
  });
});

/** https://docs.aws.amazon.com/prometheus/latest/userguide/encryption-at-rest-Amazon-Service-Prometheus.html, step 1 */
test('a key encrypts the workspace, and its policy lets AMP use it for callers of the account', () => {
  const template = workspaceTemplate((stack) => ({ encryptionKey: new kms.Key(stack, 'Key') }));
  template.hasResourceProperties(WORKSPACE, { KmsKeyArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Key'), 'Arn'] } });
  template.hasResourceProperties('AWS::KMS::Key', {
    KeyPolicy: {
      Statement: Match.arrayWith([
        {
          Action: ['kms:CreateGrant', 'kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKey'],
          Condition: {
            StringEquals: {
              'kms:CallerAccount': { Ref: 'AWS::AccountId' },
              'kms:ViaService': { 'Fn::Join': ['', ['aps.', { Ref: 'AWS::Region' }, '.amazonaws.com']] },
            },
          },
          Effect: 'Allow',
          Principal: { AWS: '*' },
          Resource: '*',
        },
      ]),
    },
  });
});

test('errors of rules and alerts, and costly queries, are logged where it is said', () => {
  const template = workspaceTemplate((stack) => ({
    logGroup: new logs.LogGroup(stack, 'Vended'),
    queryLogging: { logGroup: new logs.LogGroup(stack, 'Queries') },
  }));
  template.hasResourceProperties(WORKSPACE, {
    LoggingConfiguration: { LogGroupArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Vended'), 'Arn'] } },
    QueryLoggingConfiguration: {
      Destinations: [
        {
          CloudWatchLogs: { LogGroupArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Queries'), 'Arn'] } },
          Filters: { QspThreshold: 1_000_000 },
        },
      ],
    },
  });
});

test('the threshold of query logging can be set', () => {
  const template = workspaceTemplate((stack) => ({
    queryLogging: { logGroup: new logs.LogGroup(stack, 'Queries'), samplesProcessedThreshold: 0 },
  }));
  template.hasResourceProperties(WORKSPACE, {
    QueryLoggingConfiguration: { Destinations: [{ Filters: { QspThreshold: 0 } }] },
  });
});

test('an Alertmanager definition comes inline, with tokens, or from a file', () => {
  workspaceTemplate((stack) => ({
    alertmanagerDefinition: YamlDefinition.fromInline(`${ALERTMANAGER}# ${new sns.Topic(stack, 'Topic').topicArn}`),
  })).hasResourceProperties(WORKSPACE, {
    AlertManagerDefinition: { 'Fn::Join': ['', [`${ALERTMANAGER}# `, { Ref: Match.stringLikeRegexp('^Topic') }]] },
  });

  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'alertmanager-')), 'alertmanager.yaml');
  fs.writeFileSync(file, ALERTMANAGER);
  workspaceTemplate({ alertmanagerDefinition: YamlDefinition.fromFile(file) }).hasResourceProperties(WORKSPACE, {
    AlertManagerDefinition: ALERTMANAGER,
  });
});

test('a workspace can be removed with its stack', () => {
  workspaceTemplate({ removalPolicy: RemovalPolicy.DESTROY }).hasResource(WORKSPACE, { DeletionPolicy: 'Delete' });
});

test('the URLs are those that AMP documents, in the region of the stack', () => {
  const template = inStack(
    (stack) => {
      const workspace = new PrometheusWorkspace(stack, 'Workspace');
      new CfnOutput(stack, 'Write', { value: workspace.remoteWriteUrl });
      new CfnOutput(stack, 'Query', { value: workspace.queryUrl });
    },
    { env: { region: 'eu-west-1', account: '123456789012' } },
  );
  const url = (end: string) => ({
    'Fn::Join': [
      '',
      [
        'https://aps-workspaces.eu-west-1.',
        { Ref: 'AWS::URLSuffix' },
        '/workspaces/',
        { 'Fn::GetAtt': [Match.stringLikeRegexp('^Workspace'), 'WorkspaceId'] },
        end,
      ],
    ],
  });
  template.hasOutput('Write', { Value: url('/api/v1/remote_write') });
  template.hasOutput('Query', { Value: url('/api/v1/query') });
});

test('an imported workspace has its ID and region from the ARN', () => {
  const stack = newStack();
  const workspace = imported(stack);
  assert.equal(workspace.workspaceId, 'ws-1234-abcd');
  assert.deepEqual(workspace.env, { account: '123456789012', region: 'eu-west-1' });
  assert.deepEqual(workspace.workspaceRef, { workspaceArn: ARN });
  assert.deepEqual(stack.resolve(workspace.prometheusEndpoint), {
    'Fn::Join': ['', ['https://aps-workspaces.eu-west-1.', { Ref: 'AWS::URLSuffix' }, '/workspaces/ws-1234-abcd/']],
  });
});

test('an imported workspace can have another endpoint', () => {
  const workspace = PrometheusWorkspace.fromWorkspaceAttributes(newStack(), 'Workspace', {
    workspaceArn: ARN,
    prometheusEndpoint: 'https://aps-workspaces-fips.eu-west-1.amazonaws.com/workspaces/ws-1234-abcd/',
  });
  assert.equal(
    workspace.remoteWriteUrl,
    'https://aps-workspaces-fips.eu-west-1.amazonaws.com/workspaces/ws-1234-abcd/api/v1/remote_write',
  );
});

test('an ARN that is known only at deployment can be imported', () => {
  const stack = newStack();
  const workspace = PrometheusWorkspace.fromWorkspaceAttributes(stack, 'Workspace', {
    workspaceArn: Token.asString({ 'Fn::ImportValue': 'workspace' }),
  });
  assert.match(JSON.stringify(stack.resolve(workspace.workspaceId)), /Fn::Split/);
});

test('writing and querying are granted on the workspace alone', () => {
  const template = workspaceTemplate({}, (workspace) => {
    workspace.grantRemoteWrite(new iam.User(workspace.stack, 'Writer'));
    workspace.grantQuery(new iam.User(workspace.stack, 'Reader'));
  });
  const resource = { 'Fn::GetAtt': [Match.stringLikeRegexp('^Workspace'), 'Arn'] };
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: { Statement: [{ Action: 'aps:RemoteWrite', Effect: 'Allow', Resource: resource }] },
    Users: [{ Ref: Match.stringLikeRegexp('^Writer') }],
  });
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [
        {
          Action: ['aps:GetLabels', 'aps:GetMetricMetadata', 'aps:GetSeries', 'aps:QueryMetrics'],
          Effect: 'Allow',
          Resource: resource,
        },
      ],
    },
    Users: [{ Ref: Match.stringLikeRegexp('^Reader') }],
  });
});

test('rule groups become a namespace of the workspace, also of an imported one', () => {
  workspaceTemplate({}, (workspace) =>
    workspace.addRuleGroups('Recording', YamlDefinition.fromInline(RULES)),
  ).hasResourceProperties('AWS::APS::RuleGroupsNamespace', {
    Data: RULES,
    Name: Match.stringLikeRegexp('^[0-9A-Za-z][-.0-9A-Z_a-z]{0,63}$'),
    Workspace: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Workspace'), 'Arn'] },
  });
  inStack((stack) =>
    imported(stack).addRuleGroups('Recording', YamlDefinition.fromInline(RULES)),
  ).hasResourceProperties('AWS::APS::RuleGroupsNamespace', { Workspace: ARN });
});

/** https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-and-interface-VPC.html */
test('an interface endpoint lets the workspace be written and queried, and nothing else', () => {
  const template = workspaceTemplate({}, (workspace) => {
    const vpc = new ec2.Vpc(workspace.stack, 'Vpc', { natGateways: 0 });
    workspace.addInterfaceEndpoint('Endpoint', { vpc, subnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED } });
  });
  template.hasResourceProperties('AWS::EC2::VPCEndpoint', {
    ServiceName: { 'Fn::Join': ['', ['com.amazonaws.', { Ref: 'AWS::Region' }, '.aps-workspaces']] },
    PrivateDnsEnabled: true,
    PolicyDocument: {
      Statement: [
        {
          Action: ['aps:RemoteWrite', 'aps:GetLabels', 'aps:GetMetricMetadata', 'aps:GetSeries', 'aps:QueryMetrics'],
          Effect: 'Allow',
          Principal: { AWS: '*' },
          Resource: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Workspace'), 'Arn'] },
        },
      ],
    },
  });
});

/** https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-receiver-AMPpermission.html */
test('the workspace alone may send alerts to a topic that it is allowed', () => {
  workspaceTemplate({}, (workspace) =>
    workspace.allowAlertsTo(new sns.Topic(workspace.stack, 'Topic', { enforceSSL: true })),
  ).hasResourceProperties('AWS::SNS::TopicPolicy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        {
          Action: ['sns:GetTopicAttributes', 'sns:Publish'],
          Condition: {
            ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': [Match.stringLikeRegexp('^Workspace'), 'Arn'] } },
            StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
          },
          Effect: 'Allow',
          Principal: { Service: 'aps.amazonaws.com' },
          Resource: { Ref: Match.stringLikeRegexp('^Topic') },
          Sid: Match.anyValue(),
        },
      ]),
    },
  });
});

/** https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-CW-usage-metrics.html */
test('metrics have the names and dimensions under which AMP publishes them', () => {
  const workspace = imported();
  const inPrometheus = (metric: string, statistic: string, dimensions: object) => ({
    namespace: 'AWS/Prometheus',
    metric,
    statistic,
    dimensions: { Workspace: 'ws-1234-abcd', ...dimensions },
  });
  const inUsage = (resource: string) => ({
    namespace: 'AWS/Usage',
    metric: 'ResourceCount',
    statistic: 'Maximum',
    dimensions: {
      Class: 'None',
      Resource: resource,
      ResourceId: 'ws-1234-abcd',
      Service: 'Prometheus',
      Type: 'Resource',
    },
  });
  const cases = [
    [
      workspace.metricDiscardedSamplesByReason(DiscardReason.SAMPLE_TOO_OLD),
      inPrometheus('DiscardedSamples', 'Sum', { Reason: 'sample-too-old' }),
    ],
    [workspace.metricOutOfOrderSampleAge(), inPrometheus('OutOfOrderSampleAge', 'Maximum', { Percentile: 'max' })],
    [
      workspace.metricOutOfOrderSampleAge({ dimensionsMap: { Percentile: 'p99' } }),
      inPrometheus('OutOfOrderSampleAge', 'Maximum', { Percentile: 'p99' }),
    ],
    [workspace.metric('RuleEvaluationFailures'), inPrometheus('RuleEvaluationFailures', 'Average', {})],
    [workspace.metricIngestionRate(), inUsage('IngestionRate')],
    [workspace.metricActiveSeries(), inUsage('ActiveSeries')],
  ] as const;
  for (const [metric, { namespace, metric: name, statistic, dimensions }] of cases) {
    assert.equal(metric.namespace, namespace);
    assert.equal(metric.metricName, name);
    assert.equal(metric.statistic, statistic);
    assert.deepEqual(metric.dimensions, dimensions);
    assert.equal(metric.period.toMinutes(), 5);
  }
});

test('discarded samples are counted over all reasons', () => {
  assert.equal(
    imported().metricDiscardedSamples().expression,
    `SELECT SUM(DiscardedSamples) FROM "AWS/Prometheus" WHERE Workspace = 'ws-1234-abcd'`,
  );
});

for (const [what, props, message] of [
  ['the alias is empty', { alias: '' }, 'alias: expected 1 to 100 characters, got ""'],
  [
    'the retention is 0',
    { retention: Duration.days(0) },
    'retention: expected whole days between 1 and 1095, got 0 days',
  ],
  [
    'the retention is too long',
    { retention: Duration.days(1096) },
    'retention: expected whole days between 1 and 1095, got 1096 days',
  ],
  [
    'the retention is no whole day',
    { retention: Duration.hours(36) },
    'retention: expected whole days between 1 and 1095, got 1.5 days',
  ],
  [
    'the out-of-order time window is too wide',
    { outOfOrderTimeWindow: Duration.seconds(601) },
    'outOfOrderTimeWindow: expected whole seconds between 0 s and 600 s, got 601 s',
  ],
  [
    'the rule query offset is too long',
    { ruleQueryOffset: Duration.seconds(86_401) },
    'ruleQueryOffset: expected whole seconds between 0 s and 86400 s, got 86401 s',
  ],
  [
    'the rule query offset is no whole second',
    { ruleQueryOffset: Duration.millis(1500) },
    'ruleQueryOffset: expected whole seconds between 0 s and 86400 s, got 1.5 s',
  ],
  [
    'a label set has a negative limit',
    { limitsPerLabelSet: [{ labels: {}, maxSeries: -1 }] },
    'limitsPerLabelSet[0].maxSeries: expected an integer between 0 and 9007199254740991, got -1',
  ],
  [
    'a label set has a name that Prometheus does not allow',
    {
      limitsPerLabelSet: [
        { labels: { team: 'a' }, maxSeries: 1 },
        { labels: { 'a.b': 'c' }, maxSeries: 1 },
      ],
    },
    'limitsPerLabelSet[1].labels: expected names that match [a-zA-Z_][a-zA-Z0-9_]*, got "a.b"',
  ],
  [
    'a label set has an empty value',
    { limitsPerLabelSet: [{ labels: { team: '' }, maxSeries: 1 }] },
    'limitsPerLabelSet[0].labels.team: expected a value, got ""',
  ],
  [
    'two limits are for the same label set',
    {
      limitsPerLabelSet: [
        { labels: { a: '1', b: '2' }, maxSeries: 1 },
        { labels: { b: '2', a: '1' }, maxSeries: 2 },
      ],
    },
    'limitsPerLabelSet[1].labels: duplicate of limitsPerLabelSet[0].labels',
  ],
  [
    'the Alertmanager definition is that of a plain Alertmanager',
    { alertmanagerDefinition: YamlDefinition.fromInline('route:\n  receiver: a\n') },
    'alertmanagerDefinition: expected the key "alertmanager_config" with a block of text (|), got the key "route"',
  ],
  [
    'the Alertmanager definition is too large',
    { alertmanagerDefinition: YamlDefinition.fromInline(ALERTMANAGER + ' '.repeat(1_000_000)) },
    `alertmanagerDefinition: expected at most 1000000 bytes, got ${1_000_000 + ALERTMANAGER.length}`,
  ],
] as [string, PrometheusWorkspaceProps, string][]) {
  test(`fails if ${what}`, () => {
    assert.throws(() => workspaceTemplate(props), { message: `Stack/Workspace: ${message}` });
  });
}

test('fails if the threshold of query logging is negative', () => {
  assert.throws(
    () =>
      workspaceTemplate((stack) => ({
        queryLogging: { logGroup: new logs.LogGroup(stack, 'Queries'), samplesProcessedThreshold: -1 },
      })),
    /queryLogging\.samplesProcessedThreshold: expected an integer between 0 and \d+, got -1/,
  );
});

test('fails if rules have no groups', () => {
  assert.throws(() => imported().addRuleGroups('Rules', YamlDefinition.fromInline('rules: []')), {
    message: 'Stack/Workspace: the rules of "Rules": expected the key "groups" with a list, got the key "rules"',
  });
});

test('fails if an imported ARN is no workspace', () => {
  assert.throws(
    () =>
      PrometheusWorkspace.fromWorkspaceAttributes(newStack(), 'Workspace', {
        workspaceArn: 'arn:aws:sqs:eu-west-1:123456789012:queue',
      }),
    /workspaceArn: expected arn:<partition>:aps:<region>:<account>:workspace\/<workspace id>, got "arn:aws:sqs:/,
  );
});

test('fails if an imported endpoint is already a remote-write URL', () => {
  assert.throws(
    () =>
      PrometheusWorkspace.fromWorkspaceAttributes(newStack(), 'Workspace', {
        workspaceArn: ARN,
        prometheusEndpoint: 'https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write',
      }),
    /prometheusEndpoint: expected a URL that ends in \/workspaces\/<workspace id>\/, got "https:/,
  );
});

test('values that are known only at deployment pass', () => {
  const parameter = (stack: Stack, id: string, type: string) => new CfnParameter(stack, id, { type });
  workspaceTemplate((stack) => ({
    alias: parameter(stack, 'Alias', 'String').valueAsString,
    limitsPerLabelSet: [{ labels: {}, maxSeries: parameter(stack, 'MaxSeries', 'Number').valueAsNumber }],
    outOfOrderTimeWindow: Duration.seconds(parameter(stack, 'Window', 'Number').valueAsNumber),
  })).hasResourceProperties(WORKSPACE, {
    Alias: { Ref: 'Alias' },
    WorkspaceConfiguration: {
      LimitsPerLabelSets: [{ Limits: { MaxSeries: { Ref: 'MaxSeries' } } }],
      OutOfOrderTimeWindowInSeconds: { Ref: 'Window' },
      RuleQueryOffsetInSeconds: { Ref: 'Window' },
    },
  });
});
