/** The query functions and their validation. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { CfnResource, Duration } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import {
  PrometheusQueryFunctionsProps,
  PrometheusWorkspace,
  QueryOperation,
} from 'cdk-serverless-prometheus-push-gateway';
import { NETWORK_VARIABLES, REPOSITORY, importedWorkspace, inStack, newQueries, newStack, only } from './support';

const { FIND_WORKSPACE, LIST_METRICS, QUERY, RANGE_QUERY } = QueryOperation;
const ALL = Object.values(QueryOperation);
const README = fs.readFileSync(path.join(REPOSITORY, 'lambda', 'query', 'README.md'), 'utf8');

const template = (props?: Partial<PrometheusQueryFunctionsProps>) => inStack((stack) => void newQueries(stack, props));
const functionsOf = (from: Template) =>
  Object.values(from.findResources('AWS::Lambda::Function')).map(({ Properties }) => Properties as Record<string, any>);

/** lambda/query/README.md, "Functions": handler, memory and timeout */
test('each operation has the documented memory and timeout', () => {
  const documented = [...README.matchAll(/^\| `([a-z_]+)` \|.*\| (\d+) MB, (\d+) s \|$/gm)];
  const made = functionsOf(template({ operations: ALL })).map(({ Handler, MemorySize, Timeout }) => [
    Handler,
    `${MemorySize}`,
    `${Timeout}`,
  ]);
  assert.equal(made.length, 5);
  assert.deepEqual(made.sort(), documented.map(([, ...row]) => row).sort());
});

test('the functions have the default settings', () => {
  for (const fn of functionsOf(template())) {
    assert.equal(fn.Runtime, 'provided.al2023');
    assert.deepEqual(fn.Architectures, ['arm64']);
    assert.deepEqual(fn.Environment.Variables, {
      WORKSPACE_URL: {
        'Fn::Join': [
          '',
          [
            'https://aps-workspaces.eu-west-1.',
            { Ref: 'AWS::URLSuffix' },
            '/workspaces/ws-12345678-abcd-1234-abcd-123456789012/',
          ],
        ],
      },
    });
    assert.equal(fn.LoggingConfig.LogFormat, 'JSON');
    assert.equal(fn.LoggingConfig.ApplicationLogLevel, 'INFO');
    assert.equal(fn.TracingConfig, undefined);
    assert.equal(fn.VpcConfig, undefined);
  }
});

test('by default no function may list workspaces', () => {
  const made = template();
  assert.deepEqual(
    functionsOf(made)
      .map(({ Handler }) => Handler)
      .sort(),
    ALL.filter((operation) => operation !== FIND_WORKSPACE).sort(),
  );
  assert.equal(JSON.stringify(made).includes('aps:ListWorkspaces'), false);
});

test('only the given operations have functions', () => {
  const stack = newStack();
  const queries = newQueries(stack, { operations: [RANGE_QUERY, QUERY] });
  assert.deepEqual(
    functionsOf(Template.fromStack(stack))
      .map(({ Handler }) => Handler)
      .sort(),
    ['query', 'range_query'],
  );
  assert.deepEqual(queries.functions, [queries.functionFor(RANGE_QUERY), queries.functionFor(QUERY)]);
  assert.throws(() => queries.functionFor(LIST_METRICS), {
    message: 'Stack/Queries: functionFor: expected one of operations (range_query, query), got list_metrics',
  });
});

test('props of a function apply to each function', () => {
  const made = functionsOf(
    template({
      architecture: lambda.Architecture.X86_64,
      environment: { RUST_LOG: 'debug' },
      logLevel: lambda.ApplicationLogLevel.WARN,
      memorySize: 128,
      operations: ALL,
      reservedConcurrentExecutions: 7,
      timeout: Duration.minutes(15),
      tracing: lambda.Tracing.ACTIVE,
    }),
  );
  assert.equal(made.length, 5);
  for (const fn of made) {
    assert.deepEqual(fn.Architectures, ['x86_64']);
    assert.equal(fn.Environment.Variables.RUST_LOG, 'debug');
    assert.equal(fn.LoggingConfig.ApplicationLogLevel, 'WARN');
    assert.equal(fn.MemorySize, 128);
    assert.equal(fn.ReservedConcurrentExecutions, 7);
    assert.equal(fn.Timeout, 900);
    assert.deepEqual(fn.TracingConfig, { Mode: 'Active' });
  }
});

test('each function has its own log group by default', () => {
  const own = template({ logRetention: logs.RetentionDays.ONE_WEEK });
  own.resourceCountIs('AWS::Logs::LogGroup', 4);
  own.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 });
  const shared = inStack((stack) => void newQueries(stack, { logGroup: new logs.LogGroup(stack, 'Logs') }));
  shared.resourceCountIs('AWS::Logs::LogGroup', 1);
  const groups = functionsOf(shared).map(({ LoggingConfig }) => JSON.stringify(LoggingConfig.LogGroup));
  assert.equal(new Set(groups).size, 1);
});

test('functions in a VPC share one security group', () => {
  const inVpc = inStack((stack) => {
    const vpc = new ec2.Vpc(stack, 'Vpc');
    const queries = newQueries(stack, { vpc });
    const endpoint = new ec2.SecurityGroup(stack, 'Endpoint', { vpc });
    endpoint.connections.allowFrom(queries, ec2.Port.tcp(443));
  });
  inVpc.resourceCountIs('AWS::EC2::SecurityGroup', 2);
  inVpc.resourceCountIs('AWS::EC2::SecurityGroupIngress', 1);
  const groups = functionsOf(inVpc).map(({ VpcConfig }) => JSON.stringify(VpcConfig.SecurityGroupIds));
  assert.equal(new Set(groups).size, 1);
});

test('grantInvoke allows invoking every function', () => {
  const granted = inStack((stack) => {
    newQueries(stack).grantInvoke(new iam.User(stack, 'Reader'));
  });
  const policies = Object.entries(granted.findResources('AWS::IAM::Policy'));
  const [, policy] = policies.find(([id]) => id.startsWith('Reader'))!;
  const text = JSON.stringify(policy.Properties.PolicyDocument);
  for (const id of Object.keys(granted.findResources('AWS::Lambda::Function'))) assert.ok(text.includes(id), id);
});

test('a new workspace can be queried', () => {
  const made = inStack((stack) => {
    newQueries(stack, { workspace: new PrometheusWorkspace(stack, 'Own'), operations: [QUERY] });
  });
  assert.match(JSON.stringify(only(made, 'AWS::Lambda::Function').Environment.Variables.WORKSPACE_URL), /WorkspaceId/);
});

for (const [props, message] of [
  [{ operations: [] }, 'operations: expected one to five operations, got none'],
  [{ operations: [QUERY, QUERY] }, 'operations: duplicate operation query'],
  [
    { functionNamePrefix: 'a'.repeat(50) },
    `functionNamePrefix: expected 1 to 49 letters, digits, hyphens and underscores, got "${'a'.repeat(50)}"`,
  ],
  [{ timeout: Duration.seconds(2) }, 'timeout: expected whole seconds between 3 s and 900 s, got 2 s'],
  [{ timeout: Duration.seconds(901) }, 'timeout: expected whole seconds between 3 s and 900 s, got 901 s'],
  [{ environment: { WORKSPACE_URL: 'x' } }, 'environment: WORKSPACE_URL is reserved; use the prop workspace'],
  [{ environment: { WORKSPACE_AUTH: 'none' } }, 'environment: WORKSPACE_AUTH is reserved; use the prop workspace'],
  [
    { environment: { RESPONSE_STREAMING: 'false' } },
    'environment: RESPONSE_STREAMING is reserved; use the prop invokeMode',
  ],
] as [Partial<PrometheusQueryFunctionsProps>, string][]) {
  test(`fails: ${message}`.slice(0, 60), () => {
    assert.throws(() => newQueries(newStack(), props), { message: `Stack/Queries: ${message}` });
  });
}

test('functionNamePrefix is the prefix of the names', () => {
  const names = functionsOf(template({ functionNamePrefix: 'team-a', operations: [RANGE_QUERY, QUERY] })).map(
    ({ FunctionName }) => FunctionName,
  );
  assert.deepEqual(names.sort(), ['team-a-query', 'team-a-range-query']);
});

test('an error lists every problem', () => {
  const stack = newStack();
  const workspace = importedWorkspace(stack);
  assert.throws(
    () => newQueries(stack, { workspace, operations: [], memorySize: 1 }),
    /got none; memorySize: expected/,
  );
  assert.equal(
    stack.node.findAll().some((construct) => construct instanceof CfnResource),
    false,
  );
});

/** lambda/query/README.md: the table of variables */
test('the environment may not set the documented variables', () => {
  const rows = README.split('\n').filter((line) => /^\| `[A-Z_]+`/.test(line));
  const documented = rows.flatMap((row) => [...row.split('|')[1].matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name));
  const free = ['AWS_ENDPOINT_URL_AMP', 'RUST_LOG', ...NETWORK_VARIABLES];
  assert.ok(documented.length > free.length);
  for (const name of documented) {
    const given = () => newQueries(newStack(), { environment: { [name]: 'x' } });
    if (free.includes(name)) assert.doesNotThrow(given);
    // CDK rejects it, because Lambda sets it.
    else if (name === 'AWS_REGION') assert.throws(given, /AWS_REGION environment variable is reserved/);
    else assert.throws(given, new RegExp(`environment: ${name} is reserved; use the prop`));
  }
});
