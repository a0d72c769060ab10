/** Topic policies of `addAlarms` and `allowAlertsTo`, and warnings for imported topics. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import { PrometheusWorkspace } from 'cdk-serverless-prometheus-push-gateway';
import { newGateway, newStack, only } from './support';

type Use = (stack: Stack, topic: sns.ITopic) => void;

const withAlarms: Use = (stack, topic) => void newGateway(stack).addAlarms(topic);
const withAlerts: Use = (stack, topic) => new PrometheusWorkspace(stack, 'Workspace').allowAlertsTo(topic);

/** The actions that the topic policy allows each service. */
function publishers(template: Template): Record<string, string[]> {
  const allowed = only(template, 'AWS::SNS::TopicPolicy').PolicyDocument.Statement.filter(
    ({ Effect }: any) => Effect === 'Allow',
  );
  return Object.fromEntries(allowed.map(({ Principal, Action }: any) => [Principal.Service, [Action].flat()]));
}

function templateWith(uses: Use[], props?: sns.TopicProps): Template {
  const stack = newStack();
  const topic = new sns.Topic(stack, 'Topic', props);
  for (const use of uses) use(stack, topic);
  return Template.fromStack(stack);
}

const ALARMS = { 'cloudwatch.amazonaws.com': ['sns:Publish'] };
const ALERTS = { 'aps.amazonaws.com': ['sns:GetTopicAttributes', 'sns:Publish'] };

test('alarms and alerts may publish to the same topic', () => {
  for (const uses of [
    [withAlarms, withAlerts],
    [withAlerts, withAlarms],
  ]) {
    for (const enforceSSL of [false, true]) {
      assert.deepEqual(publishers(templateWith(uses, { enforceSSL })), { ...ALARMS, ...ALERTS });
    }
  }
});

test('alarms may publish to a topic with a policy', () => {
  assert.deepEqual(publishers(templateWith([withAlarms], { enforceSSL: true })), ALARMS);
});

/** https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html: SNS's default policy is replaced. */
test('alerts keep the default permission of alarms', () => {
  assert.deepEqual(publishers(templateWith([withAlerts])), { ...ALARMS, ...ALERTS });
});

test('alerts add no permission for alarms', () => {
  assert.deepEqual(publishers(templateWith([withAlerts], { enforceSSL: true })), ALERTS);
});

test('only alarms of the account and region may publish', () => {
  templateWith([withAlarms]).hasResourceProperties('AWS::SNS::TopicPolicy', {
    PolicyDocument: {
      Statement: [
        {
          Condition: {
            ArnLike: {
              'aws:SourceArn': {
                'Fn::Join': [
                  '',
                  [
                    'arn:',
                    { Ref: 'AWS::Partition' },
                    ':cloudwatch:',
                    { Ref: 'AWS::Region' },
                    ':',
                    { Ref: 'AWS::AccountId' },
                    ':alarm:*',
                  ],
                ],
              },
            },
            StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
          },
          Principal: { Service: 'cloudwatch.amazonaws.com' },
          Resource: { Ref: Match.stringLikeRegexp('^Topic') },
        },
      ],
    },
  });
});

/** https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services */
test('publishers may use the key of the topic', () => {
  const stack = newStack();
  const topic = new sns.Topic(stack, 'Topic', { masterKey: new kms.Key(stack, 'Key') });
  withAlarms(stack, topic);
  withAlerts(stack, topic);
  const statements = only(Template.fromStack(stack), 'AWS::KMS::Key').KeyPolicy.Statement;
  for (const Service of ['cloudwatch.amazonaws.com', 'aps.amazonaws.com']) {
    assert.deepEqual(
      statements.filter(({ Principal }: any) => Principal.Service === Service),
      [{ Action: ['kms:Decrypt', 'kms:GenerateDataKey*'], Effect: 'Allow', Principal: { Service }, Resource: '*' }],
    );
  }
});

/** The warnings for an imported topic. */
function warnings(use: Use, keyArn?: string): string[] {
  const stack = newStack();
  use(
    stack,
    sns.Topic.fromTopicAttributes(stack, 'Imported', { topicArn: 'arn:aws:sns:eu-west-1:123456789012:topic', keyArn }),
  );
  return Annotations.fromStack(stack)
    .findWarning('*', Match.anyValue())
    .map(({ entry }) => String(entry.data));
}

for (const [what, use, service] of [
  ['alarms', withAlarms, 'cloudwatch.amazonaws.com'],
  ['alerts', withAlerts, 'aps.amazonaws.com'],
] as const) {
  test(`an imported topic gives a warning for ${what}`, () => {
    const [topic, ...others] = warnings(use);
    assert.deepEqual(others, []);
    assert.ok(
      topic.startsWith(
        `the policy of the topic Stack/Imported cannot change because the topic is imported, and must let ${service} publish; add to it: {`,
      ),
      topic,
    );
    const statement = JSON.parse(topic.slice(topic.indexOf('{'), topic.lastIndexOf('}') + 1));
    assert.deepEqual(statement.Principal, { Service: service });
    assert.equal(statement.Resource, 'arn:aws:sns:eu-west-1:123456789012:topic');
  });

  test(`an imported topic key gives a warning for ${what}`, () => {
    const [, key] = warnings(use, 'arn:aws:kms:eu-west-1:123456789012:key/12345678-abcd-1234-abcd-123456789012');
    assert.match(
      key,
      new RegExp(
        `^the policy of the key Stack/Imported/\\w+ cannot change because the key is imported, and must let ${service} use it`,
      ),
    );
    assert.match(key, /add to it: \{"Action":\["kms:Decrypt","kms:GenerateDataKey\*"\]/);
  });
}

test('each topic gets notifications and a policy', () => {
  const stack = newStack();
  const [first, second] = ['First', 'Second'].map((id) => new sns.Topic(stack, id));
  newGateway(stack).addAlarms(first, { furtherTopics: [second] });
  const template = Template.fromStack(stack);
  const refs = [{ Ref: Match.stringLikeRegexp('^First') }, { Ref: Match.stringLikeRegexp('^Second') }];
  template.allResourcesProperties('AWS::CloudWatch::Alarm', { AlarmActions: refs, OKActions: refs });
  template.resourceCountIs('AWS::SNS::TopicPolicy', 2);
});
