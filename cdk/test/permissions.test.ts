/** The complete permissions of the default stack. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Template } from 'aws-cdk-lib/assertions';
import { documents } from './policies';
import { gatewayTemplate } from './support';

/** The resource of each allowed action. */
const ALLOWED: Record<string, string> = {
  'aps:RemoteWrite': 'MetricsWorkspace',
  'logs:CreateLogStream': 'MetricsLogGroup',
  'logs:PutLogEvents': 'MetricsLogGroup',
  'sqs:DeleteMessage': 'MetricsQueue',
  'sqs:GetQueueAttributes': 'MetricsQueue',
  'sqs:ReceiveMessage': 'MetricsQueue',
  'sqs:SendMessage': 'MetricsDeadLetterQueue',
};

test('the default stack has exactly the listed permissions', () => {
  const used = new Set<string>();
  for (const { at, statements } of documents(gatewayTemplate())) {
    for (const statement of statements) {
      if (statement.Effect === 'Deny') continue;
      if (at.endsWith('AssumeRolePolicyDocument')) {
        assert.deepEqual(statement, {
          Action: 'sts:AssumeRole',
          Effect: 'Allow',
          Principal: { Service: 'lambda.amazonaws.com' },
        });
        continue;
      }
      assert.equal(statement.NotAction, undefined, at);
      assert.equal(statement.NotResource, undefined, at);
      for (const action of [statement.Action].flat()) {
        for (const resource of [statement.Resource].flat()) {
          assert.deepEqual(Object.keys(resource), ['Fn::GetAtt'], `${at}: ${action} on ${JSON.stringify(resource)}`);
          const [id, attribute] = resource['Fn::GetAtt'];
          assert.equal(attribute, 'Arn');
          assert.equal(id.replace(/[0-9A-F]{8}$/, ''), ALLOWED[action], `${at}: ${action}`);
          used.add(action);
        }
      }
    }
  }
  assert.deepEqual([...used].sort(), Object.keys(ALLOWED));
});

test('the default stack has no managed or resource policy', () => {
  const template = gatewayTemplate();
  for (const role of Object.values(template.findResources('AWS::IAM::Role'))) {
    assert.equal(role.Properties.ManagedPolicyArns, undefined);
  }
  for (const type of ['AWS::Lambda::Permission', 'AWS::Lambda::Url', 'AWS::IAM::User', 'AWS::IAM::ManagedPolicy']) {
    template.resourceCountIs(type, 0);
  }
});

test('the check finds other permissions', () => {
  const wide = Template.fromJSON({
    Resources: {
      A: { Type: 'AWS::IAM::Role', Properties: { Policies: [{ PolicyDocument: { Statement: [{ Action: '*' }] } }] } },
    },
  });
  assert.deepEqual(documents(wide), [{ at: 'A/Properties/Policies/0/PolicyDocument', statements: [{ Action: '*' }] }]);
});
