/** Query functions as tools of an agent gateway. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import { QueryOperation } from 'cdk-serverless-prometheus-push-gateway';
import { newAgentGateway } from './stacks';
import { PACKAGE, REPOSITORY, inStack, newQueries, newStack } from './support';

const TOOLS = fs.readFileSync(path.join(REPOSITORY, 'lambda', 'query', 'tools.json'), 'utf8');

function targets(template: Template): Record<string, any>[] {
  return Object.values(template.findResources('AWS::BedrockAgentCore::GatewayTarget')).map(
    ({ Properties }) => Properties,
  );
}

test('the package has a tool for each operation', () => {
  assert.equal(fs.readFileSync(path.join(PACKAGE, 'assets', 'tools.json'), 'utf8'), TOOLS);
  const names = JSON.parse(TOOLS).map(({ name }: { name: string }) => name);
  assert.deepEqual(Object.values(QueryOperation).sort(), names.sort());
});

/** https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-add-target-lambda.html */
test('each function is a target with its tool', () => {
  const operations = Object.values(QueryOperation);
  const template = inStack(
    (stack) => void newQueries(stack, { operations }).addToAgentCoreGateway(newAgentGateway(stack)),
  );
  const functions = template.findResources('AWS::Lambda::Function');
  const made = targets(template);
  assert.equal(made.length, 5);
  for (const tool of JSON.parse(TOOLS)) {
    const target = made.find(({ Name }) => Name === `prometheus-${tool.name.replaceAll('_', '-')}`);
    assert.ok(target, tool.name);
    const { LambdaArn, ToolSchema } = target.TargetConfiguration.Mcp.Lambda;
    assert.equal(functions[LambdaArn['Fn::GetAtt'][0]].Properties.Handler, tool.name);
    // CloudFormation uses another letter case.
    assert.deepEqual(lowerCased(ToolSchema), { inlinePayload: [tool] });
    assert.deepEqual(target.CredentialProviderConfigurations, [{ CredentialProviderType: 'GATEWAY_IAM_ROLE' }]);
  }
});

/** Keys as in the API. */
function lowerCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowerCased);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key[0].toLowerCase() + key.slice(1), lowerCased(inner)]),
  );
}

test('the agent gateway may only invoke its tools', () => {
  const template = inStack((stack) => {
    newQueries(stack, { operations: [QueryOperation.QUERY] }).addToAgentCoreGateway(newAgentGateway(stack));
  });
  const policies = Object.entries(template.findResources('AWS::IAM::Policy')).filter(([id]) => id.startsWith('Agents'));
  const statements = policies.flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
  const invoking = statements.filter(({ Action }) => [Action].flat().includes('lambda:InvokeFunction'));
  assert.equal(invoking.length, 1);
  const [fn] = Object.keys(template.findResources('AWS::Lambda::Function'));
  assert.deepEqual(invoking[0].Resource, [
    { 'Fn::GetAtt': [fn, 'Arn'] },
    { 'Fn::Join': ['', [{ 'Fn::GetAtt': [fn, 'Arn'] }, ':*']] },
  ]);
});

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-bedrockagentcore-gatewaytarget-metadataconfiguration.html */
test('allowedRequestHeaders are propagated to each function', () => {
  const configurations = (allowedRequestHeaders?: string[]) =>
    targets(
      inStack(
        (stack) => void newQueries(stack).addToAgentCoreGateway(newAgentGateway(stack), { allowedRequestHeaders }),
      ),
    ).map(({ MetadataConfiguration }) => MetadataConfiguration);
  assert.ok(configurations().every((configuration) => configuration === undefined));
  const [first, ...others] = configurations(['traceparent', 'X-Request-Id']);
  assert.deepEqual(first, { AllowedRequestHeaders: ['traceparent', 'X-Request-Id'] });
  for (const other of others) assert.deepEqual(other, first);
});

for (const [allowedRequestHeaders, message] of [
  [[], 'allowedRequestHeaders: expected 1 to 10 names, got 0'],
  [['a b'], 'allowedRequestHeaders: expected names of 1 to 100 letters, digits, hyphens and underscores, got "a b"'],
] as [string[], string][]) {
  test(`fails: ${message}`.slice(0, 60), () => {
    const stack = newStack();
    const gateway = newAgentGateway(stack);
    assert.throws(() => newQueries(stack).addToAgentCoreGateway(gateway, { allowedRequestHeaders }), {
      message: `Stack/Queries: ${message}`,
    });
  });
}

test('targetNamePrefix is the prefix of the target names', () => {
  const stack = newStack();
  const queries = newQueries(stack, { operations: [QueryOperation.RANGE_QUERY, QueryOperation.QUERY] });
  const made = queries.addToAgentCoreGateway(newAgentGateway(stack), { targetNamePrefix: 'team-a' });
  assert.deepEqual(
    made.map(({ gatewayTargetName }) => gatewayTargetName),
    ['team-a-range-query', 'team-a-query'],
  );
});

for (const targetNamePrefix of ['', 'a_b', '-a', 'a-', 'a--b', 'a'.repeat(81)]) {
  test(`fails if the prefix is "${targetNamePrefix.slice(0, 10)}"`, () => {
    const stack = newStack();
    const gateway = newAgentGateway(stack);
    assert.throws(() => newQueries(stack).addToAgentCoreGateway(gateway, { targetNamePrefix }), {
      message: `Stack/Queries: targetNamePrefix: expected 1 to 80 letters and digits, with single hyphens between them, got "${targetNamePrefix}"`,
    });
  });
}

/** AgentCore rejects a duplicate target only at deployment. */
test('fails if a gateway would have a duplicate target', () => {
  const stack = newStack();
  const gateway = newAgentGateway(stack);
  const [first, second] = ['First', 'Second'].map((id) =>
    newQueries(new Stack(stack, id), { operations: [QueryOperation.QUERY] }),
  );
  first.addToAgentCoreGateway(gateway);
  assert.throws(() => second.addToAgentCoreGateway(gateway), {
    message:
      'Stack/Second/Queries: targetNamePrefix: "prometheus" gives the target name "prometheus-query", ' +
      'which Stack/Agents already has',
  });
  assert.doesNotThrow(() => second.addToAgentCoreGateway(gateway, { targetNamePrefix: 'second' }));
});

test('the same prefix serves two gateways', () => {
  const stack = newStack();
  const queries = newQueries(stack, { operations: [QueryOperation.QUERY] });
  queries.addToAgentCoreGateway(newAgentGateway(stack));
  const other = new agentcore.Gateway(stack, 'Other', {
    authorizerConfiguration: agentcore.GatewayAuthorizer.usingAwsIam(),
  });
  assert.doesNotThrow(() => queries.addToAgentCoreGateway(other));
});
