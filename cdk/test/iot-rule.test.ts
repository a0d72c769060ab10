import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import {
  IotRuleOptions,
  IotRuleVia,
  PrometheusPushGateway,
  PrometheusPushGatewayProps,
} from 'cdk-serverless-prometheus-push-gateway';
import { gatewayTemplate, newGateway, newStack, someCode } from './support';

const SQL = "SELECT {'device': topic(2)} AS dimensions, timestamp() AS timestamp, * AS metrics FROM 'devices/+'";
const ref = (id: string) => ({ Ref: Match.stringLikeRegexp(`^${id}`) });
const arn = (id: string) => ({ 'Fn::GetAtt': [Match.stringLikeRegexp(`^${id}`), 'Arn'] });

function ruleTemplate(options: Partial<IotRuleOptions> = {}, props: PrometheusPushGatewayProps = {}): Template {
  return gatewayTemplate(props, (gateway) => gateway.addIotRule('Telemetry', { sql: SQL, ...options }));
}

/** https://docs.aws.amazon.com/iot/latest/developerguide/sqs-rule-action.html */
test('by default a rule sends to the queue', () => {
  const sqs = (id: string) => ({ Sqs: { QueueUrl: ref(id), RoleArn: arn('MetricsTelemetryRole'), UseBase64: false } });
  ruleTemplate().hasResourceProperties('AWS::IoT::TopicRule', {
    RuleName: Match.absent(),
    TopicRulePayload: {
      Actions: [sqs('MetricsQueue')],
      AwsIotSqlVersion: '2016-03-23',
      ErrorAction: sqs('MetricsDeadLetterQueue'),
      RuleDisabled: false,
      Sql: SQL,
    },
  });
});

/** https://docs.aws.amazon.com/iot/latest/developerguide/iot-create-role.html */
test('the role of a rule is limited to the account and region', () => {
  const template = ruleTemplate();
  template.hasResourceProperties('AWS::IAM::Role', {
    AssumeRolePolicyDocument: {
      Statement: [
        {
          Action: 'sts:AssumeRole',
          Condition: {
            ArnLike: {
              'aws:SourceArn': {
                'Fn::Join': [
                  '',
                  [
                    'arn:',
                    { Ref: 'AWS::Partition' },
                    ':iot:',
                    { Ref: 'AWS::Region' },
                    ':',
                    { Ref: 'AWS::AccountId' },
                    ':rule/*',
                  ],
                ],
              },
            },
            StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
          },
          Effect: 'Allow',
          Principal: { Service: 'iot.amazonaws.com' },
        },
      ],
    },
  });
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [
        { Action: 'sqs:SendMessage', Effect: 'Allow', Resource: arn('MetricsQueue') },
        { Action: 'sqs:SendMessage', Effect: 'Allow', Resource: arn('MetricsDeadLetterQueue') },
      ],
    },
    Roles: [ref('MetricsTelemetryRole')],
  });
  template.hasResource('AWS::IoT::TopicRule', {
    DependsOn: Match.arrayWith([Match.stringLikeRegexp('^MetricsTelemetryRoleDefaultPolicy')]),
  });
});

test('a rule may use the key of the queues', () => {
  const stack = newStack();
  newGateway(stack, { queueEncryptionKey: new kms.Key(stack, 'Key') }).addIotRule('Telemetry', { sql: SQL });
  Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        { Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Effect: 'Allow', Resource: arn('Key') },
      ]),
    },
    Roles: [ref('MetricsTelemetryRole')],
  });
});

/** https://docs.aws.amazon.com/iot/latest/developerguide/lambda-rule-action.html */
test('a rule may invoke the function', () => {
  const template = ruleTemplate({ via: IotRuleVia.FUNCTION });
  template.hasResourceProperties('AWS::IoT::TopicRule', {
    TopicRulePayload: { Actions: [{ Lambda: { FunctionArn: arn('MetricsFunction') } }] },
  });
  template.hasResourceProperties('AWS::Lambda::Permission', {
    Action: 'lambda:InvokeFunction',
    FunctionName: arn('MetricsFunction'),
    Principal: 'iot.amazonaws.com',
    SourceAccount: { Ref: 'AWS::AccountId' },
    SourceArn: arn('MetricsTelemetry'),
  });
});

test('without a standard queue, a rule invokes the function', () => {
  for (const props of [{ directInvokeOnly: true }, { fifo: true }]) {
    ruleTemplate({}, props).hasResourceProperties('AWS::IoT::TopicRule', {
      TopicRulePayload: { Actions: [{ Lambda: { FunctionArn: arn('MetricsFunction') } }] },
    });
  }
});

/** The warnings about lost messages of a rule. */
function warnings(props: PrometheusPushGatewayProps, options: Partial<IotRuleOptions> = {}): string[] {
  const stack = newStack();
  newGateway(stack, props).addIotRule('Telemetry', { sql: SQL, via: IotRuleVia.FUNCTION, ...options });
  const found = Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('are lost'));
  return found.map(({ entry }) => String(entry.data).split(',')[0]);
}

test('a FIFO dead-letter queue gives warnings about loss', () => {
  assert.deepEqual(warnings({ fifo: true }), [
    'messages for which the action of the rule fails are lost',
    'messages for which the function fails are lost',
  ]);
  const onFailure: lambda.IDestination = { bind: () => ({ destination: 'arn:aws:sns:eu-west-1:123456789012:failed' }) };
  const errorAction = { cloudwatchLogs: { logGroupName: 'errors', roleArn: 'arn:aws:iam::123456789012:role/errors' } };
  assert.deepEqual(warnings({ fifo: true, onFailure }, { errorAction }), []);
});

test('a standard dead-letter queue gives no warning', () => {
  assert.deepEqual(warnings({}), []);
  assert.deepEqual(warnings({ directInvokeOnly: true }), []);
});

test('a rule has the given settings', () => {
  const template = ruleTemplate({
    ruleName: 'telemetry_1',
    description: 'from devices',
    enabled: false,
    errorAction: { cloudwatchLogs: { logGroupName: 'errors', roleArn: 'arn:aws:iam::123456789012:role/errors' } },
  });
  template.hasResourceProperties('AWS::IoT::TopicRule', {
    RuleName: 'telemetry_1',
    TopicRulePayload: {
      Description: 'from devices',
      RuleDisabled: true,
      ErrorAction: { CloudwatchLogs: { LogGroupName: 'errors' } },
    },
  });
});

test('the role of a named rule is limited to that rule', () => {
  const roles = Object.values(ruleTemplate({ ruleName: 'telemetry_1' }).findResources('AWS::IAM::Role'));
  const ofRule = roles.filter((role) => JSON.stringify(role).includes('iot.amazonaws.com'));
  assert.equal(ofRule.length, 1);
  assert.match(JSON.stringify(ofRule[0].Properties.AssumeRolePolicyDocument), /":rule\/telemetry_1"/);
});

test('a gateway can have several rules', () => {
  const template = gatewayTemplate({}, (gateway) => {
    gateway.addIotRule('One', { sql: SQL });
    gateway.addIotRule('Two', { sql: SQL, via: IotRuleVia.FUNCTION });
    gateway.addIotRule('Three', { sql: SQL, via: IotRuleVia.FUNCTION });
  });
  template.resourceCountIs('AWS::IoT::TopicRule', 3);
  template.resourceCountIs('AWS::Lambda::Permission', 2);
});

test('a rule cannot have the identifier of a gateway part', () => {
  const gateway = newGateway(newStack(), { directInvokeOnly: true });
  gateway.addAlarms(new sns.Topic(gateway, 'Resource'));
  gateway.addDashboard();
  gateway.node.tryRemoveChild('Resource');
  const parts = [...gateway.node.children.map(({ node }) => node.id), 'Queue', 'Resource', 'Default'];
  assert.ok(parts.includes('Alarms') && parts.includes('Dashboard'));
  for (const id of parts) {
    assert.throws(() => gateway.addIotRule(id, { sql: SQL }), {
      message: `Stack/Metrics: id: "${id}" is reserved for a part of the gateway`,
    });
  }
  gateway.addIotRule('Telemetry', { sql: SQL });
  assert.throws(() => gateway.addIotRule('Telemetry', { sql: SQL }), {
    message: 'Stack/Metrics: id: duplicate rule "Telemetry"',
  });
});

test('gateways with one function can have the same rules', () => {
  const stack = newStack();
  const fn = new lambda.Function(stack, 'Fn', {
    runtime: lambda.Runtime.PROVIDED_AL2023,
    handler: 'bootstrap',
    code: someCode(),
  });
  for (const id of ['One', 'Two']) {
    const gateway = new PrometheusPushGateway(stack, id, { function: fn, directInvokeOnly: true });
    gateway.addIotRule('Telemetry', { sql: SQL });
  }
  Template.fromStack(stack).resourceCountIs('AWS::Lambda::Permission', 2);
});

for (const [props, options, message] of [
  [
    { directInvokeOnly: true },
    { via: IotRuleVia.QUEUE },
    'via: expected FUNCTION, because there is no queue, got QUEUE',
  ],
  [
    { fifo: true },
    { via: IotRuleVia.QUEUE },
    'via: expected FUNCTION, because IoT Core cannot send to a FIFO queue, got QUEUE',
  ],
  [{}, { sql: ' ' }, 'sql: expected a SQL statement, got " "'],
  [{}, { ruleName: 'a-b' }, 'ruleName: expected 1 to 128 letters, digits and underscores, got "a-b"'],
] as [PrometheusPushGatewayProps, Partial<IotRuleOptions>, string][]) {
  test(`fails: ${message}`.slice(0, 60), () => {
    const gateway = newGateway(new Stack(), props);
    assert.throws(() => gateway.addIotRule('Telemetry', { sql: SQL, ...options }), {
      message: `Default/Metrics: ${message}`,
    });
  });
}
