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
import { inStack, newStack, only } from './support';

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
  return PrometheusWorkspace.fromWorkspaceArn(stack, 'Workspace', ARN);
}

test('by default a workspace has the maximum window and is kept', () => {
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

test('a workspace has the given settings', () => {
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

test('label sets have the given limits', () => {
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
test('AMP may use the key that encrypts the workspace', () => {
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

test('rules, alerts and expensive queries are logged', () => {
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

test('an Alertmanager definition is inline or a file', () => {
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

test('removalPolicy sets the deletion policy', () => {
  workspaceTemplate({ removalPolicy: RemovalPolicy.DESTROY }).hasResource(WORKSPACE, { DeletionPolicy: 'Delete' });
});

test('the URLs are those that AMP documents', () => {
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

test('an ARN may be a token', () => {
  const stack = newStack();
  const workspace = PrometheusWorkspace.fromWorkspaceAttributes(stack, 'Workspace', {
    workspaceArn: Token.asString({ 'Fn::ImportValue': 'workspace' }),
  });
  assert.match(JSON.stringify(stack.resolve(workspace.workspaceId)), /Fn::Split/);
});

test('grants are limited to the workspace', () => {
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

test('a proxy may write, query and list rules', () => {
  const template = workspaceTemplate({}, (workspace) => {
    workspace.grantProxy(new iam.User(workspace.stack, 'Proxy'));
  });
  const { Statement } = only(template, 'AWS::IAM::Policy').PolicyDocument;
  assert.deepEqual(Statement.flatMap(({ Action }: any) => Action).sort(), [
    'aps:GetLabels',
    'aps:GetMetricMetadata',
    'aps:GetSeries',
    'aps:ListAlerts',
    'aps:ListRules',
    'aps:QueryMetrics',
    'aps:RemoteWrite',
  ]);
});

test('a proxy of another account may do the same', () => {
  const template = workspaceTemplate({}, (workspace) => {
    workspace.grantProxy(new iam.AccountPrincipal('210987654321'));
  });
  const policy = JSON.stringify(only(template, 'AWS::APS::ResourcePolicy').PolicyDocument);
  assert.match(policy, /aps:RemoteWrite/);
  assert.match(policy, /aps:QueryMetrics/);
  assert.match(policy, /aps:ListAlerts/);
  assert.match(policy, /aps:ListRules/);
});

test('rule groups become a namespace of the workspace', () => {
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
test('an interface endpoint allows only this workspace', () => {
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
          Action: [
            'aps:RemoteWrite',
            'aps:GetLabels',
            'aps:GetMetricMetadata',
            'aps:GetSeries',
            'aps:QueryMetrics',
            'aps:ListAlerts',
            'aps:ListRules',
          ],
          Effect: 'Allow',
          Principal: { AWS: '*' },
          Resource: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Workspace'), 'Arn'] },
        },
      ],
    },
  });
});

/** https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-receiver-AMPpermission.html */
test('allowAlertsTo allows only the workspace', () => {
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
test('metrics have the documented names and dimensions', () => {
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

test('metricDiscardedSamples counts all reasons', () => {
  assert.equal(
    imported().metricDiscardedSamples().expression,
    `SELECT SUM(DiscardedSamples) FROM "AWS/Prometheus" WHERE Workspace = 'ws-1234-abcd'`,
  );
});

for (const [props, message] of [
  [{ alias: '' }, 'alias: expected 1 to 100 characters, got ""'],
  [{ retention: Duration.days(0) }, 'retention: expected whole days between 1 and 1095, got 0 days'],
  [{ retention: Duration.days(1096) }, 'retention: expected whole days between 1 and 1095, got 1096 days'],
  [{ retention: Duration.hours(36) }, 'retention: expected whole days between 1 and 1095, got 1.5 days'],
  [
    { outOfOrderTimeWindow: Duration.seconds(601) },
    'outOfOrderTimeWindow: expected whole seconds between 0 s and 600 s, got 601 s',
  ],
  [
    { ruleQueryOffset: Duration.seconds(86_401) },
    'ruleQueryOffset: expected whole seconds between 0 s and 86400 s, got 86401 s',
  ],
  [
    { ruleQueryOffset: Duration.millis(1500) },
    'ruleQueryOffset: expected whole seconds between 0 s and 86400 s, got 1.5 s',
  ],
  [
    { limitsPerLabelSet: [{ labels: {}, maxSeries: -1 }] },
    'limitsPerLabelSet[0].maxSeries: expected an integer between 0 and 9007199254740991, got -1',
  ],
  [
    {
      limitsPerLabelSet: [
        { labels: { team: 'a' }, maxSeries: 1 },
        { labels: { 'a.b': 'c' }, maxSeries: 1 },
      ],
    },
    'limitsPerLabelSet[1].labels: expected names that match [a-zA-Z_][a-zA-Z0-9_]*, got "a.b"',
  ],
  [
    { limitsPerLabelSet: [{ labels: { team: '' }, maxSeries: 1 }] },
    'limitsPerLabelSet[0].labels.team: expected a value, got ""',
  ],
  [
    {
      limitsPerLabelSet: [
        { labels: { a: '1', b: '2' }, maxSeries: 1 },
        { labels: { b: '2', a: '1' }, maxSeries: 2 },
      ],
    },
    'limitsPerLabelSet[1].labels: duplicate of limitsPerLabelSet[0].labels',
  ],
  [
    { alertmanagerDefinition: YamlDefinition.fromInline('route:\n  receiver: a\n') },
    'alertmanagerDefinition: expected the key "alertmanager_config" with a block of text (|), got the key "route"',
  ],
  [
    { alertmanagerDefinition: YamlDefinition.fromInline(ALERTMANAGER + ' '.repeat(1_000_000)) },
    `alertmanagerDefinition: expected at most 1000000 bytes, got ${1_000_000 + ALERTMANAGER.length}`,
  ],
] as [PrometheusWorkspaceProps, string][]) {
  test(`fails: ${message}`.slice(0, 60), () => {
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

test('fails if an imported ARN is not a workspace', () => {
  assert.throws(
    () =>
      PrometheusWorkspace.fromWorkspaceAttributes(newStack(), 'Workspace', {
        workspaceArn: 'arn:aws:sqs:eu-west-1:123456789012:queue',
      }),
    /workspaceArn: expected arn:<partition>:aps:<region>:<account>:workspace\/<workspace id>, got "arn:aws:sqs:/,
  );
});

test('fails if an imported endpoint is a remote-write URL', () => {
  assert.throws(
    () =>
      PrometheusWorkspace.fromWorkspaceAttributes(newStack(), 'Workspace', {
        workspaceArn: ARN,
        prometheusEndpoint: 'https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write',
      }),
    /prometheusEndpoint: expected a URL that ends in \/workspaces\/<workspace id>\/, got "https:/,
  );
});

test('tokens are accepted', () => {
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
