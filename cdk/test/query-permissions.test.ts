/** The complete permissions of each query function. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { QueryOperation } from 'cdk-serverless-prometheus-push-gateway';
import { documents } from './policies';
import { REPOSITORY, importedWorkspace, inStack, newQueries } from './support';

const WORKSPACE = 'arn:aws:aps:eu-west-1:123456789012:workspace/ws-12345678-abcd-1234-abcd-123456789012';
const FURTHER = 'arn:aws:aps:eu-west-1:123456789012:workspace/ws-further';
const ALL_OF_THE_ACCOUNT = {
  'Fn::Join': [
    '',
    [
      'arn:',
      { Ref: 'AWS::Partition' },
      ':aps:',
      { Ref: 'AWS::Region' },
      ':',
      { Ref: 'AWS::AccountId' },
      ':workspace/*',
    ],
  ],
};

/** The allowed actions and resources of each operation. */
const ALLOWED: Record<QueryOperation, [string, unknown][]> = {
  query: [['aps:QueryMetrics', WORKSPACE]],
  range_query: [['aps:QueryMetrics', WORKSPACE]],
  list_metrics: [
    ['aps:GetLabels', WORKSPACE],
    ['aps:GetMetricMetadata', WORKSPACE],
  ],
  server_info: [['aps:QueryMetrics', WORKSPACE]],
  find_workspace: [
    ['aps:ListWorkspaces', '*'],
    ['aps:DescribeWorkspace', ALL_OF_THE_ACCOUNT],
  ],
};

/** The allowed actions and resources in a stack with one operation. */
function allowed(operation: QueryOperation, more: string[] = []): [string, unknown][] {
  const template = inStack((stack) => {
    const queries = newQueries(stack, { operations: [operation] });
    for (const id of more) queries.allowWorkspace(importedWorkspace(stack, id));
  });
  const found: [string, unknown][] = [];
  for (const { at, statements } of documents(template)) {
    for (const statement of statements) {
      if (at.endsWith('AssumeRolePolicyDocument')) {
        assert.deepEqual(statement.Principal, { Service: 'lambda.amazonaws.com' });
        continue;
      }
      assert.equal(statement.NotAction, undefined);
      assert.equal(statement.NotResource, undefined);
      for (const action of [statement.Action].flat()) {
        for (const resource of [statement.Resource].flat()) found.push([action, resource]);
      }
    }
  }
  for (const role of Object.values(template.findResources('AWS::IAM::Role'))) {
    assert.equal(role.Properties.ManagedPolicyArns, undefined);
  }
  template.resourceCountIs('AWS::Lambda::Permission', 0);
  return found;
}

for (const operation of Object.values(QueryOperation)) {
  test(`the function ${operation} has exactly the listed permissions`, () => {
    const found = allowed(operation);
    const logs = found.filter(([action]) => action.startsWith('logs:'));
    assert.deepEqual(logs.map(([action]) => action).sort(), ['logs:CreateLogStream', 'logs:PutLogEvents']);
    for (const [, resource] of logs) assert.match(JSON.stringify(resource), /"Queries\w+LogGroup[0-9A-F]{8}","Arn"/);
    assert.deepEqual(
      found.filter((entry) => !logs.includes(entry)),
      ALLOWED[operation],
    );
  });
}

/** lambda/query/README.md, "Functions": the column of permissions */
test('the permissions are those in the README', () => {
  const readme = fs.readFileSync(path.join(REPOSITORY, 'lambda', 'query', 'README.md'), 'utf8');
  for (const operation of Object.values(QueryOperation)) {
    const row = readme.split('\n').find((line) => line.startsWith(`| \`${operation}\` |`) && line.includes('aps:'));
    const documented = [...(row ?? '').matchAll(/`(aps:\w+)`/g)].map(([, action]) => action);
    assert.deepEqual(
      ALLOWED[operation].map(([action]) => action),
      documented,
      operation,
    );
  }
});

test('allowWorkspace grants the same actions', () => {
  const further = (operation: QueryOperation) =>
    allowed(operation, ['ws-further'])
      .filter(([, resource]) => resource === FURTHER)
      .map(([action]) => action);
  assert.deepEqual(further(QueryOperation.LIST_METRICS), ['aps:GetLabels', 'aps:GetMetricMetadata']);
  assert.deepEqual(further(QueryOperation.RANGE_QUERY), ['aps:QueryMetrics']);
  assert.deepEqual(further(QueryOperation.FIND_WORKSPACE), []);
});
