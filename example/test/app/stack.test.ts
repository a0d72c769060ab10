/** The CDK app: its template, cdk-nag and cfn-lint. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';

import { App, Validations } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks } from 'cdk-nag';

import { PushGatewayStack, type PushGatewayStackProps } from '../../lib/push-gateway-stack.js';
import { programs } from '../support/environment.js';

const PACKAGE = resolve(import.meta.dirname, '..', '..', '..');
const CFN_LINT = resolve(PACKAGE, '..', 'cdk', '.venv', 'bin', 'cfn-lint');

/** Duplicate dependencies, which CDK creates for functions on their role and its policy. */
const IGNORED = ['W3005'];

/** The findings of the AwsSolutions rules in the app with agents, and the reason for each. */
const ACKNOWLEDGED: readonly { readonly id: string; readonly reason: string }[] = [
  'QueriesQueryFunction1BA5E4AA',
  'QueriesRangeQueryFunction4CEAF234',
  'QueriesListMetricsFunctionF008B0AE',
  'QueriesServerInfoFunction74E10700',
].map((fn) => ({
  id: `AwsSolutions::AwsSolutions-IAM5[Resource::<${fn}.Arn>:*]`,
  reason: 'The versions and aliases of the function, as CDK grants invoking.',
}));

const execute = promisify(execFile);
let folder: string;
let code: string;
let queryCode: string;
let extensionCode: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'push-gateway-app-'));
  [code, queryCode, extensionCode] = [join(folder, 'code'), join(folder, 'query-code'), join(folder, 'extension-code')];
  const { functionBinary, queryBinary, extensionBinary } = programs();
  for (const [built, file] of [
    [functionBinary, join(code, 'bootstrap')],
    [queryBinary, join(queryCode, 'bootstrap')],
    [extensionBinary, join(extensionCode, 'extensions', 'telemetry-extension')],
  ] as const) {
    await mkdir(dirname(file), { recursive: true });
    await copyFile(built, file);
  }
});
after(() => rm(folder, { recursive: true }));

function newStack(
  name: string,
  props: PushGatewayStackProps = {},
): { app: App; stack: PushGatewayStack; outdir: string } {
  const outdir = join(folder, name);
  const app = new App({ outdir });
  const codes = {
    code: lambda.Code.fromAsset(code),
    queryCode: lambda.Code.fromAsset(queryCode),
    extensionCode: lambda.Code.fromAsset(extensionCode),
  };
  return { app, stack: new PushGatewayStack(app, 'PushGateway', { ...codes, ...props }), outdir };
}

/** Runs `cdk synth` with an environment that does not depend on the user. */
function synth(outdir: string, ...options: string[]): Promise<unknown> {
  const env = { PATH: process.env['PATH'], HOME: folder, CI: 'true', CDK_DISABLE_CLI_TELEMETRY: 'true' };
  const cdk = createRequire(import.meta.url).resolve('aws-cdk/bin/cdk');
  // The app is already built, and other tests use the build.
  const args = [
    cdk,
    'synth',
    '--quiet',
    '--no-notices',
    '--build',
    'true',
    '--output',
    join(folder, outdir),
    ...options,
  ];
  return execute(process.execPath, args, { cwd: PACKAGE, env });
}

async function lint(template: string): Promise<string> {
  assert.ok(existsSync(CFN_LINT), 'cfn-lint is missing; run npm test --workspace cdk, which installs it');
  const { stdout, stderr } = await execute(CFN_LINT, [
    '--regions',
    'eu-west-1',
    '--ignore-checks',
    ...IGNORED,
    '--',
    template,
  ]).catch((error: { stdout: string; stderr: string }) => error);
  return stdout + stderr;
}

/** The output of the AwsSolutions rules at synthesis. */
function findings(context: TestContext, app: App): string {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const log: string[] = [];
  context.mock.method(console, 'error', (...line: unknown[]) => void log.push(line.join(' ')));
  const { exitCode } = process;
  try {
    app.synth();
  } catch (error) {
    log.push(String(error));
  } finally {
    process.exitCode = exitCode;
  }
  return log.join('\n');
}

test('cdk synth applies the context', async () => {
  const codes = ['-c', `code=${code}`, '-c', `queryCode=${queryCode}`, '-c', `extensionCode=${extensionCode}`];
  await synth(
    'synth',
    ...codes,
    '-c',
    'architecture=x86_64',
    '-c',
    'alarmEmail=who@example.com',
    '-c',
    'agentGateway=true',
    '-c',
    'functionUrl=true',
    '-c',
    'queryUrl=true',
  );
  const template = Template.fromJSON(
    JSON.parse(await readFile(join(folder, 'synth', 'PushGateway.template.json'), 'utf8')) as object,
  );
  const functions = { Architectures: ['x86_64'], Runtime: 'provided.al2023' };
  template.resourcePropertiesCountIs('AWS::Lambda::Function', functions, 6);
  template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'who@example.com' });
  const assets = (await readdir(join(folder, 'synth'))).filter((name) => name.startsWith('asset.'));
  const contents = await Promise.all(assets.map((asset) => readdir(join(folder, 'synth', asset))));
  assert.deepEqual(contents.flat().sort(), ['bootstrap', 'bootstrap', 'extensions']);
  template.hasOutput('AgentGatewayUrl', {});
  template.hasOutput('PushUrl', {});
  template.hasOutput('PrometheusUrl', {});
});

const ARM64 = resolve(PACKAGE, '..', 'cdk', 'assets', 'arm64');
const isBuilt = ['push-gateway', 'query', 'telemetry-extension'].every((name) =>
  existsSync(join(ARM64, `${name}.zip`)),
);

test(
  'cdk synth works without options',
  { skip: !isBuilt && 'not tested: arm64, the default, is not built' },
  async () => {
    await synth('default');
    const template = Template.fromJSON(
      JSON.parse(await readFile(join(folder, 'default', 'PushGateway.template.json'), 'utf8')) as object,
    );
    template.resourcePropertiesCountIs('AWS::Lambda::Function', { Architectures: ['arm64'] }, 5);
  },
);

test('fails if the context has an unknown architecture', async () => {
  await assert.rejects(
    synth('riscv', '-c', `code=${code}`, '-c', 'architecture=riscv'),
    /context architecture: expected arm64 or x86_64, got riscv/,
  );
});

test('fails if agentGateway is not true or false', async () => {
  await assert.rejects(
    synth('agents', '-c', 'agentGateway=yes'),
    /context agentGateway: expected true or false, got yes/,
  );
});

/** `cdk init` writes the flags of its version into cdk.json: https://docs.aws.amazon.com/cdk/v2/guide/featureflags.html */
test('the feature flags are those of a new app', async () => {
  const { context } = JSON.parse(await readFile(join(PACKAGE, 'cdk.json'), 'utf8')) as { context: object };
  assert.deepEqual(context, createRequire(import.meta.url)('aws-cdk-lib/recommended-feature-flags.json'));
});

test('the outputs are complete', () => {
  const template = Template.fromStack(newStack('outputs').stack);
  const outputs = template.findOutputs('*') as Record<string, { Value: unknown }>;
  assert.deepEqual(Object.keys(outputs).sort(), [
    'AlarmTopicArn',
    'DashboardName',
    'DeadLetterQueueUrl',
    'FunctionName',
    'IotTopic',
    'ListMetricsFunctionName',
    'PrometheusEndpoint',
    'QueryFunctionName',
    'QueryUrl',
    'QueueUrl',
    'RangeQueryFunctionName',
    'Region',
    'ServerInfoFunctionName',
  ]);
  const [workspace] = Object.keys(template.findResources('AWS::APS::Workspace'));
  assert.match(
    JSON.stringify(outputs['PrometheusEndpoint']?.Value),
    new RegExp(`/workspaces/.*"${workspace}","WorkspaceId"`),
  );
});

test('the rule selects the topic in the output', () => {
  const template = Template.fromStack(newStack('rule').stack);
  const topic = (template.findOutputs('IotTopic')['IotTopic'] as { Value: string }).Value;
  const filter = topic.replace('<device>', '+');
  template.hasResourceProperties('AWS::IoT::TopicRule', {
    TopicRulePayload: {
      Sql: `SELECT * FROM '${filter}'`,
      Actions: [{ Sqs: { UseBase64: false } }],
      ErrorAction: Match.anyValue(),
    },
  });
});

test('the gateway has the telemetry extension', () => {
  const template = Template.fromStack(newStack('telemetry').stack);
  const { Ref: gateway } = template.findOutputs('FunctionName')['FunctionName']?.['Value'] as { Ref: string };
  const { Layers, Environment, Architectures } = template.findResources('AWS::Lambda::Function')[gateway]?.[
    'Properties'
  ] as {
    Layers: unknown[];
    Environment: { Variables: Record<string, unknown> };
    Architectures: string[];
  };
  const [[layer, { Properties }] = ['', { Properties: {} }]] = Object.entries(
    template.findResources('AWS::Lambda::LayerVersion'),
  );
  assert.deepEqual(Layers, [{ Ref: layer }]);
  assert.deepEqual(Properties['CompatibleArchitectures'], Architectures);
  assert.deepEqual(Environment.Variables['TELEMETRY_REMOTE_WRITE_URL'], Environment.Variables['REMOTE_WRITE_URL']);
});

test('the query functions may only query the workspace', () => {
  const template = Template.fromStack(newStack('queries').stack);
  const [workspace] = Object.keys(template.findResources('AWS::APS::Workspace'));
  for (const [output, action] of [
    ['QueryFunctionName', 'aps:QueryMetrics'],
    ['RangeQueryFunctionName', 'aps:QueryMetrics'],
    ['ListMetricsFunctionName', ['aps:GetLabels', 'aps:GetMetricMetadata']],
    ['ServerInfoFunctionName', 'aps:QueryMetrics'],
  ] as const) {
    const { Ref: fn } = template.findOutputs(output)[output]?.['Value'] as { Ref: string };
    const { Role, Environment } = template.findResources('AWS::Lambda::Function')[fn]?.['Properties'] as {
      Role: { 'Fn::GetAtt': [string, string] };
      Environment: { Variables: { WORKSPACE_URL: unknown } };
    };
    assert.match(JSON.stringify(Environment.Variables.WORKSPACE_URL), new RegExp(`"${workspace}"`));
    const policies = Object.values(template.findResources('AWS::IAM::Policy')).map(({ Properties }) => Properties);
    const statements = policies
      .filter(({ Roles }) => Roles.some(({ Ref }: { Ref: string }) => Ref === Role['Fn::GetAtt'][0]))
      .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
      .filter(({ Action }) => ![Action].flat().every((name: string) => name.startsWith('logs:')));
    assert.deepEqual(statements, [{ Effect: 'Allow', Action: action, Resource: { 'Fn::GetAtt': [workspace, 'Arn'] } }]);
  }
});

test('the agent gateway has the query functions and uses IAM', () => {
  assert.deepEqual(Template.fromStack(newStack('no-agents').stack).findResources('AWS::BedrockAgentCore::Gateway'), {});
  const template = Template.fromStack(newStack('agents', { agentGateway: true }).stack);
  template.hasResourceProperties('AWS::BedrockAgentCore::Gateway', { AuthorizerType: 'AWS_IAM' });
  template.resourceCountIs('AWS::BedrockAgentCore::GatewayTarget', 4);
});

test('function URLs require the secrets in the outputs', () => {
  assert.deepEqual(Template.fromStack(newStack('no-url').stack).findResources('AWS::Lambda::Url'), {});
  for (const [name, props] of [
    ['PushSecretArn', { functionUrl: true }],
    ['PrometheusSecretArn', { queryUrl: true }],
  ] as const) {
    const template = Template.fromStack(newStack(name, props).stack);
    const secret = (template.findOutputs(name)[name] as { Value: unknown }).Value;
    template.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: Match.objectLike({ HTTP_AUTH: 'secret', HTTP_AUTH_SECRET: secret }) },
    });
  }
});

/** "the resource policy must allow CloudWatch": Notify_Users_Alarm_Changes.html of the CloudWatch user guide. */
test('alarms of the account may publish to the topic', () => {
  const template = Template.fromStack(newStack('alarms').stack);
  const [topic] = Object.keys(template.findResources('AWS::SNS::Topic'));
  const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm'));
  assert.equal(alarms.length, 5);
  for (const { Properties } of alarms) assert.deepEqual(Properties.AlarmActions, [{ Ref: topic }]);
  template.hasResourceProperties('AWS::SNS::TopicPolicy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        Match.objectLike({
          Effect: 'Allow',
          Action: 'sns:Publish',
          Principal: { Service: 'cloudwatch.amazonaws.com' },
          Resource: { Ref: topic },
          Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
        }),
      ]),
    },
  });
  template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
});

test('deleting the stack deletes every resource', () => {
  const { Resources } = Template.fromStack(newStack('removal').stack).toJSON() as {
    Resources: Record<string, { DeletionPolicy?: string }>;
  };
  const kept = Object.entries(Resources).filter(([, { DeletionPolicy = 'Delete' }]) => DeletionPolicy !== 'Delete');
  assert.deepEqual(kept, []);
});

test('cdk-nag finds nothing in the stack without agents', (context) => {
  const { app } = newStack('nag', { alarmEmail: 'who@example.com' });
  assert.doesNotMatch(findings(context, app), /AwsSolutions-/);
});

test('cdk-nag finds nothing else with agents', (context) => {
  const { app, stack } = newStack('nag-agents', { alarmEmail: 'who@example.com', agentGateway: true });
  for (const acknowledgement of ACKNOWLEDGED) Validations.of(stack).acknowledge(acknowledgement);
  assert.doesNotMatch(findings(context, app), /AwsSolutions-/);
});

test('cdk-nag finds a queue without TLS', (context) => {
  const { app, stack } = newStack('nag-wrong');
  new sqs.Queue(stack, 'Wrong');
  assert.match(findings(context, app), /AwsSolutions-SQS4/);
});

test('cfn-lint finds nothing in the template', async () => {
  const { app, outdir } = newStack('lint', {
    alarmEmail: 'who@example.com',
    functionUrl: true,
    queryUrl: true,
    agentGateway: true,
  });
  app.synth();
  assert.equal(await lint(join(outdir, 'PushGateway.template.json')), '');
});
