/** The packages for Python, Java, Go and .NET. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { TestContext, after, before, test } from 'node:test';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import {
  IotRuleVia,
  NameEscaping,
  PrometheusPushGateway,
  PrometheusQueryFunctions,
  PrometheusTelemetryExtension,
  PrometheusWorkspace,
  QueryOperation,
  TelemetryDestination,
  TelemetryInstanceLabel,
} from 'cdk-serverless-prometheus-push-gateway';
import { BUILT, HOST } from '../artifacts';
import { PACKAGE, attempt, newFolder, run } from './support';

/** The default architecture if it is built. */
const ARCHITECTURE = BUILT.includes('arm64') ? 'arm64' : HOST;
const PYTHON = path.join(PACKAGE, '.venv', 'bin', 'python');
const folder = newFolder('languages');
const generated = path.join(folder, 'dist');
after(() => fs.rmSync(folder, { recursive: true }));

before(() => {
  assert.ok(fs.existsSync(PYTHON), `${PYTHON} is missing; run npm test --workspace cdk`);
  run(PACKAGE, 'npx', [
    '--no-install',
    'jsii-pacmak',
    '--code-only',
    '--outdir',
    generated,
    '--pack-command',
    'npm pack --ignore-scripts --loglevel=error',
    '.',
  ]);
});

test('a Python app gives the same template as TypeScript', () => {
  const wheels = path.join(folder, 'wheels');
  const site = path.join(folder, 'site');
  const pip = ['-m', 'pip', '--quiet', '--disable-pip-version-check'];
  run(folder, PYTHON, [
    ...pip,
    'wheel',
    '--no-deps',
    '--no-build-isolation',
    '--no-index',
    '--wheel-dir',
    wheels,
    path.join(generated, 'python'),
  ]);
  const [wheel] = fs.readdirSync(wheels);
  assert.match(wheel, /^cdk_serverless_prometheus_push_gateway-.*\.whl$/);
  run(folder, PYTHON, [...pip, 'install', '--no-deps', '--no-index', '--target', site, path.join(wheels, wheel)]);
  run(
    folder,
    PYTHON,
    [path.join(PACKAGE, 'test', 'package', 'twin.py'), ARCHITECTURE, path.join(folder, 'python.out')],
    {
      PYTHONPATH: site,
      JSII_RUNTIME_PACKAGE_CACHE_ROOT: path.join(folder, 'cache'),
    },
  );
  const template = JSON.parse(fs.readFileSync(path.join(folder, 'python.out', 'Twin.template.json'), 'utf8'));
  assert.deepEqual(template, Template.fromStack(twin()).toJSON());
});

/** The stack of twin.py. */
function twin(): Stack {
  const stack = new Stack(new App(), 'Twin');
  const workspace = new PrometheusWorkspace(stack, 'Workspace', { alias: 'twin', retention: Duration.days(30) });
  const architecture = ARCHITECTURE === 'arm64' ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64;
  const gateway = new PrometheusPushGateway(stack, 'Metrics', {
    workspace,
    architecture,
    batchSize: 100,
    externalLabels: { env: 'prod' },
    nameEscaping: NameEscaping.REJECT,
  });
  gateway.addIotRule('Rule', { sql: "SELECT * FROM 'events'", via: IotRuleVia.FUNCTION });
  gateway.addAlarms(new sns.Topic(stack, 'Topic'));
  gateway.addDashboard();
  const queries = new PrometheusQueryFunctions(stack, 'Queries', {
    workspace,
    architecture,
    operations: [QueryOperation.RANGE_QUERY, QueryOperation.FIND_WORKSPACE],
  });
  queries.addToAgentCoreGateway(
    new agentcore.Gateway(stack, 'Agents', { authorizerConfiguration: agentcore.GatewayAuthorizer.usingAwsIam() }),
    { targetNamePrefix: 'twin' },
  );
  const telemetry = new PrometheusTelemetryExtension(stack, 'Telemetry', {
    destination: TelemetryDestination.workspace(workspace),
    maxAge: Duration.minutes(2),
    externalLabels: { env: 'prod' },
    instanceLabel: TelemetryInstanceLabel.FULL,
  });
  telemetry.addTo(gateway.function);
  return stack;
}

/** Skips the test if a command is missing, which CI must have. */
function isMissing(context: TestContext, command: string, ...args: string[]): boolean {
  if (attempt(folder, command, args).status === 0) return false;
  const untested = `the generated package, because ${command} is missing`;
  assert.notEqual(process.env.CI, 'true', `CI must test ${untested}`);
  context.skip(`not tested: ${untested}`);
  return true;
}

test('the Java package and an app compile', (context) => {
  if (isMissing(context, 'mvn', '--version')) return;
  const java = path.join(generated, 'java');
  fs.cpSync(
    path.join(PACKAGE, 'test', 'package', 'MetricsStack.java'),
    path.join(java, 'src', 'main', 'java', 'app', 'MetricsStack.java'),
  );
  run(java, 'mvn', ['--quiet', '--batch-mode', '--no-transfer-progress', 'compile']);
  assert.ok(fs.existsSync(path.join(java, 'target', 'classes', 'app', 'MetricsStack.class')));
});

test('the Go package and an app compile', (context) => {
  if (isMissing(context, 'go', 'version')) return;
  const go = path.join(generated, 'go', 'pushgateway');
  fs.cpSync(path.join(PACKAGE, 'test', 'package', 'stack.go'), path.join(go, 'app', 'stack.go'));
  // Unoptimized, because the code is not run.
  run(go, 'go', ['build', '-mod=mod', '-gcflags=all=-N -l', './...'], { GOTOOLCHAIN: 'local' });
});

test('the .NET sources are generated', () => {
  const files = fs.readdirSync(path.join(generated, 'dotnet'), { recursive: true, encoding: 'utf8' });
  assert.ok(files.some((name) => name.endsWith('/PrometheusPushGateway.cs')));
});
