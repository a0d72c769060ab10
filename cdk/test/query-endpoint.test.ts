/** Function URLs for queries: resources, permissions, variables and errors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import {
  HttpAuth,
  PrometheusQueryFunctions,
  QueryFunctionUrlOptions,
  QueryOperation,
} from 'cdk-serverless-prometheus-push-gateway';
import { documents } from './policies';
import { inStack, newQueries, newStack, only } from './support';

const PERMISSION = 'AWS::Lambda::Permission';

const WORKSPACE = 'arn:aws:aps:eu-west-1:123456789012:workspace/ws-12345678-abcd-1234-abcd-123456789012';

function queriesIn(stack: Stack): PrometheusQueryFunctions {
  return newQueries(stack, { operations: [QueryOperation.QUERY] });
}

function endpointTemplate(...options: QueryFunctionUrlOptions[]): Template {
  return inStack((stack) => {
    const queries = queriesIn(stack);
    for (const each of options) queries.addFunctionUrl(each);
  });
}

/** The properties of the functions with the handler `api`. */
function apis(template: Template): any[] {
  const functions = Object.values(template.findResources('AWS::Lambda::Function'));
  return functions.map(({ Properties }) => Properties).filter(({ Handler }) => Handler === 'api');
}

test('a function URL with a secret is public', () => {
  const template = endpointTemplate({ auth: HttpAuth.secret() });
  assert.equal(only(template, 'AWS::Lambda::Url').AuthType, 'NONE');
  const { TargetFunctionArn: FunctionName } = only(template, 'AWS::Lambda::Url');
  const permissions = Object.values(template.findResources(PERMISSION)).map(({ Properties }) => Properties);
  assert.deepEqual(permissions, [
    { Action: 'lambda:InvokeFunctionUrl', FunctionName, FunctionUrlAuthType: 'NONE', Principal: '*' },
    { Action: 'lambda:InvokeFunction', FunctionName, InvokedViaFunctionUrl: true, Principal: '*' },
  ]);
  const [secret] = Object.keys(template.findResources('AWS::SecretsManager::Secret'));
  const [{ Environment, MemorySize, Timeout }] = apis(template);
  assert.deepEqual([MemorySize, Timeout], [512, 60]);
  const { WORKSPACE_URL, ...http } = Environment.Variables;
  assert.match(JSON.stringify(WORKSPACE_URL), /ws-12345678/);
  assert.deepEqual(http, { HTTP_AUTH: 'secret', HTTP_AUTH_SECRET: { Ref: secret }, RESPONSE_STREAMING: 'true' });
  const { GenerateSecretString } = only(template, 'AWS::SecretsManager::Secret');
  assert.equal(GenerateSecretString.SecretStringTemplate, '{"username":"prometheus"}');
});

test('a function URL with IAM has no variables for auth', () => {
  const template = endpointTemplate({ auth: HttpAuth.iam() });
  assert.equal(only(template, 'AWS::Lambda::Url').AuthType, 'AWS_IAM');
  template.resourceCountIs(PERMISSION, 0);
  assert.deepEqual(Object.keys(apis(template)[0].Environment.Variables), ['WORKSPACE_URL', 'RESPONSE_STREAMING']);
});

/** The handler, `RESPONSE_STREAMING` and the invoke mode of the URL of each function. */
function streaming(invokeMode?: lambda.InvokeMode, inVpc = false): unknown[] {
  const stack = newStack();
  const vpc = inVpc ? new ec2.Vpc(stack, 'Vpc') : undefined;
  const queries = newQueries(stack, { operations: [QueryOperation.QUERY], vpc });
  queries.addFunctionUrl({ auth: HttpAuth.iam(), invokeMode });
  queries.addMcpServer({ auth: HttpAuth.secret(), invokeMode });
  const template = Template.fromStack(stack);
  const urls = Object.values(template.findResources('AWS::Lambda::Url')).map(({ Properties }) => Properties);
  return Object.entries(template.findResources('AWS::Lambda::Function')).map(([id, { Properties }]) => [
    Properties.Handler,
    Properties.Environment.Variables.RESPONSE_STREAMING,
    urls.find(({ TargetFunctionArn }) => TargetFunctionArn['Fn::GetAtt'][0] === id)?.InvokeMode,
  ]);
}

test('function URLs and MCP servers stream responses', () => {
  for (const invokeMode of [undefined, lambda.InvokeMode.RESPONSE_STREAM]) {
    assert.deepEqual(streaming(invokeMode), [
      ['query', undefined, undefined],
      ['api', 'true', 'RESPONSE_STREAM'],
      ['api', 'true', 'RESPONSE_STREAM'],
    ]);
  }
});

test('buffered or in a VPC no response is streamed', () => {
  for (const [invokeMode, inVpc] of [
    [undefined, true],
    [lambda.InvokeMode.BUFFERED, true],
    [lambda.InvokeMode.BUFFERED, false],
  ] as const) {
    assert.deepEqual(streaming(invokeMode, inVpc), [
      ['query', undefined, undefined],
      ['api', undefined, 'BUFFERED'],
      ['api', undefined, 'BUFFERED'],
    ]);
  }
});

test('fails if a URL in a VPC is to stream responses', () => {
  assert.throws(() => streaming(lambda.InvokeMode.RESPONSE_STREAM, true), {
    message: 'Stack/Queries: invokeMode: expected BUFFERED in a VPC, got RESPONSE_STREAM',
  });
});

test('a role may invoke a function URL with IAM', () => {
  const template = inStack((stack) => {
    const { functionUrl } = queriesIn(stack).addFunctionUrl({ auth: HttpAuth.iam() });
    const assumedBy = new iam.ServicePrincipal('ecs-tasks.amazonaws.com');
    functionUrl.grantInvokeUrl(new iam.Role(stack, 'Caller', { assumedBy }));
  });
  const { TargetFunctionArn } = only(template, 'AWS::Lambda::Url');
  template.hasResourceProperties('AWS::IAM::Policy', {
    Roles: [{ Ref: Match.stringLikeRegexp('^Caller') }],
    PolicyDocument: {
      Statement: [
        { Action: 'lambda:InvokeFunctionUrl', Effect: 'Allow', Resource: TargetFunctionArn },
        {
          Action: 'lambda:InvokeFunction',
          Condition: { Bool: { 'lambda:InvokedViaFunctionUrl': true } },
          Effect: 'Allow',
          Resource: TargetFunctionArn,
        },
      ],
    },
  });
});

test('the function may read the workspace and the secret', () => {
  const template = endpointTemplate({ auth: HttpAuth.secret() });
  const statements = documents(template)
    .filter(({ at }) => /FunctionUrl.*Policy/.test(at) && !at.endsWith('AssumeRolePolicyDocument'))
    .flatMap((document) => document.statements)
    .filter(({ Action }: any) => ![Action].flat()[0].startsWith('logs:'));
  const actions = statements.flatMap(({ Action }: any) => Action).sort();
  assert.deepEqual(actions, [
    'aps:GetLabels',
    'aps:GetMetricMetadata',
    'aps:GetSeries',
    'aps:ListAlerts',
    'aps:ListRules',
    'aps:QueryMetrics',
    'secretsmanager:GetSecretValue',
  ]);
  const resources = statements.map(({ Resource }: any) => Resource);
  assert.ok(resources.includes(WORKSPACE));
  assert.ok(!resources.includes('*'));
});

test('the result has the URLs and the secret', () => {
  const stack = newStack();
  const queries = queriesIn(stack);
  const given = secretsmanager.Secret.fromSecretNameV2(stack, 'Given', 'given');
  const { function: fn, functionUrl, mcpUrl, secret } = queries.addFunctionUrl({ auth: HttpAuth.secret(given) });
  assert.equal(secret, given);
  assert.equal(mcpUrl, `${functionUrl.url}mcp`);
  assert.notEqual(fn, queries.functions[0]);
  assert.equal(queries.addFunctionUrl({ auth: HttpAuth.iam(), tenant: 'Signed' }).secret, undefined);
});

test('an MCP server has its own function, name and secret', () => {
  const stack = newStack();
  const queries = newQueries(stack, { operations: [QueryOperation.QUERY], functionNamePrefix: 'prom' });
  const dashboards = queries.addFunctionUrl({ auth: HttpAuth.secret() });
  const agents = queries.addMcpServer({ auth: HttpAuth.secret() });
  queries.addMcpServer({ auth: HttpAuth.iam(), tenant: 'A' });
  assert.equal(agents.mcpUrl, `${agents.functionUrl.url}mcp`);
  assert.notEqual(agents.secret, dashboards.secret);
  const names = apis(Template.fromStack(stack)).map(({ FunctionName }) => FunctionName);
  assert.deepEqual(names.sort(), ['prom-A-mcp', 'prom-api', 'prom-mcp']);
});

test('fails if a tenant has two URLs for the same clients', () => {
  const queries = queriesIn(newStack());
  const auth = HttpAuth.iam();
  queries.addFunctionUrl({ auth, tenant: 'A' });
  queries.addMcpServer({ auth, tenant: 'A' });
  queries.addMcpServer({ auth });
  assert.throws(() => queries.addFunctionUrl({ auth, tenant: 'A' }), {
    message: 'Stack/Queries: tenant: expected one that no other function URL has, got "A"',
  });
  assert.throws(() => queries.addMcpServer({ auth }), {
    message: 'Stack/Queries: tenant: expected one that no other MCP server has, got none',
  });
});

test('each tenant has its function, secret and labels', () => {
  const template = endpointTemplate(
    { auth: HttpAuth.secret(), tenant: 'A', enforceLabels: { team: 'a' } },
    { auth: HttpAuth.secret(), tenant: 'B', enforceLabels: { team: 'b' } },
  );
  template.resourceCountIs('AWS::SecretsManager::Secret', 2);
  const variables = apis(template).map(({ Environment }) => Environment.Variables);
  assert.deepEqual(variables.map(({ ENFORCE_LABELS }) => ENFORCE_LABELS).sort(), ['{"team":"a"}', '{"team":"b"}']);
  assert.equal(new Set(variables.map(({ HTTP_AUTH_SECRET }) => JSON.stringify(HTTP_AUTH_SECRET))).size, 2);
});

test('URLs with the same labels may share a secret', () => {
  const queries = queriesIn(newStack());
  const enforceLabels = { team: 'a', env: 'prod' };
  const { secret } = queries.addFunctionUrl({ auth: HttpAuth.secret(), enforceLabels });
  const auth = HttpAuth.secret(secret);
  assert.equal(queries.addMcpServer({ auth, enforceLabels: { env: 'prod', team: 'a' } }).secret, secret);
});

test('fails if URLs with different labels share a secret', () => {
  const stack = newStack();
  const queries = queriesIn(stack);
  const given = secretsmanager.Secret.fromSecretNameV2(stack, 'Given', 'given');
  const { secret } = queries.addFunctionUrl({ auth: HttpAuth.secret(), tenant: 'A', enforceLabels: { team: 'a' } });
  queries.addFunctionUrl({ auth: HttpAuth.secret(given) });
  for (const [shared, at] of [
    [secret, 'Stack/Queries/AFunctionUrl/HttpSecret'],
    [given, 'Stack/Given'],
  ] as const) {
    assert.throws(
      () => queries.addMcpServer({ auth: HttpAuth.secret(shared), tenant: 'B', enforceLabels: { team: 'b' } }),
      { message: `Stack/Queries: auth: expected a secret that no URL with other enforceLabels has, got ${at}` },
    );
  }
});

test('synthesis warns of a function URL without auth', () => {
  const stack = newStack();
  queriesIn(stack).addFunctionUrl({ auth: HttpAuth.none() });
  const [warning] = Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('HttpAuth.none'));
  assert.match(String(warning.entry.data), /anyone on the internet can read the metrics/);
});

for (const [options, message] of [
  [{ tenant: 'a-b' }, 'tenant: expected 1 to 32 letters and digits, got "a-b"'],
  [{ enforceLabels: {} }, 'enforceLabels: expected at least one label, got none'],
  [{ enforceLabels: { team: '' } }, 'enforceLabels: expected a value for "team", got ""'],
  [{ enforceLabels: { __name__: 'up' } }, 'enforceLabels: "__name__" is reserved for the metric name'],
  [{ enforceLabels: { 'a.b': 'c' } }, 'enforceLabels: expected names that match [a-zA-Z_][a-zA-Z0-9_]*, got "a.b"'],
] as [Partial<QueryFunctionUrlOptions>, string][]) {
  test(`fails: ${message}`.slice(0, 60), () => {
    assert.throws(() => queriesIn(newStack()).addFunctionUrl({ auth: HttpAuth.iam(), ...options }), {
      message: `Stack/Queries: ${message}`,
    });
  });
}
