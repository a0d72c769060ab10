/** The telemetry extension on functions, and its validation. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { App, CfnResource, Duration, Lazy, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import {
  PrometheusTelemetryExtension,
  PrometheusTelemetryExtensionProps,
  PrometheusWorkspace,
  TelemetryDestination,
  TelemetryInstanceLabel,
} from 'cdk-serverless-prometheus-push-gateway';
import {
  NETWORK_VARIABLES,
  REPOSITORY,
  choicesOf,
  importedWorkspace,
  inStack,
  newGateway,
  newStack,
  newTelemetry,
  only,
  rustSources,
  someCode,
  someFunction,
  someLayer,
  variables,
} from './support';

const CRATE = path.join(REPOSITORY, 'lambda', 'telemetry-extension');
const README = fs.readFileSync(path.join(CRATE, 'README.md'), 'utf8');
const SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:gateway-AbCdEf';

/** A stack with one function that has the extension. */
const template = (props: Partial<PrometheusTelemetryExtensionProps> = {}, of: Partial<lambda.FunctionProps> = {}) =>
  inStack((stack) => newTelemetry(stack, props).addTo(someFunction(stack, 'Fn', of)));
const pushgateway = (url = 'https://gateway.example.com') => TelemetryDestination.pushgateway({ url });

test('addTo adds the layer and the URL of the workspace', () => {
  const made = template();
  const [layer] = Object.keys(made.findResources('AWS::Lambda::LayerVersion'));
  assert.deepEqual(only(made, 'AWS::Lambda::Function').Layers, [{ Ref: layer }]);
  assert.deepEqual(only(made, 'AWS::Lambda::LayerVersion').CompatibleArchitectures, ['arm64']);
  assert.deepEqual(variables(made), {
    TELEMETRY_REMOTE_WRITE_URL: {
      'Fn::Join': [
        '',
        [
          'https://aps-workspaces.eu-west-1.',
          { Ref: 'AWS::URLSuffix' },
          '/workspaces/ws-12345678-abcd-1234-abcd-123456789012/api/v1/remote_write',
        ],
      ],
    },
  });
});

test('a function keeps its own layers and variables', () => {
  const made = inStack((stack) => {
    const own = new lambda.LayerVersion(stack, 'Own', { code: someLayer() });
    newTelemetry(stack).addTo(
      someFunction(stack, 'Fn', { layers: [own], environment: { TABLE: 'orders', RUST_LOG: 'debug' } }),
    );
  });
  assert.equal(only(made, 'AWS::Lambda::Function').Layers.length, 2);
  assert.deepEqual(Object.keys(variables(made)).sort(), ['RUST_LOG', 'TABLE', 'TELEMETRY_REMOTE_WRITE_URL']);
});

test('functions of one architecture share a layer', () => {
  const made = inStack((stack) => {
    const telemetry = newTelemetry(stack);
    telemetry.addTo(someFunction(stack, 'First'));
    telemetry.addTo(
      someFunction(stack, 'Second', {
        runtime: lambda.Runtime.NODEJS_22_X,
        code: lambda.Code.fromInline('exports.handler = async () => 1;'),
      }),
    );
  });
  made.resourceCountIs('AWS::Lambda::LayerVersion', 1);
});

/** CloudFormation User Guide, "Get exported outputs": an imported output cannot be changed or removed. */
test('a function in another stack has a layer in that stack', () => {
  const app = new App();
  const telemetry = newTelemetry(new Stack(app, 'Stack'));
  const other = new Stack(app, 'Other');
  telemetry.addTo(someFunction(other, 'First'));
  telemetry.addTo(someFunction(other, 'Second'));
  Template.fromStack(other).resourceCountIs('AWS::Lambda::LayerVersion', 1);
  assert.deepEqual(Template.fromStack(telemetry.node.scope as Stack).findOutputs('*'), {});
});

test('the queue of a push gateway is a destination', () => {
  const made = inStack((stack) => {
    const destination = TelemetryDestination.gateway(newGateway(stack));
    newTelemetry(stack, { destination }).addTo(someFunction(stack));
  });
  const [fn] = Object.values(made.findResources('AWS::Lambda::Function', { Properties: { Runtime: 'python3.13' } }));
  assert.match(
    JSON.stringify(fn.Properties.Environment.Variables),
    /^\{"TELEMETRY_QUEUE_URL":\{"Ref":"MetricsQueue[0-9A-F]{8}"\}\}$/,
  );
});

test('the function of a push gateway is a destination', () => {
  for (const to of [
    (stack: Stack) => TelemetryDestination.function(newGateway(stack).function),
    (stack: Stack) => TelemetryDestination.gateway(newGateway(stack, { directInvokeOnly: true })),
  ]) {
    const made = inStack((stack) => newTelemetry(stack, { destination: to(stack) }).addTo(someFunction(stack)));
    const [fn] = Object.values(made.findResources('AWS::Lambda::Function', { Properties: { Runtime: 'python3.13' } }));
    assert.match(
      JSON.stringify(fn.Properties.Environment.Variables),
      /^\{"TELEMETRY_FUNCTION":\{"Fn::GetAtt":\["MetricsFunction[0-9A-F]{8}","Arn"\]\}\}$/,
    );
  }
});

test('a Pushgateway gets the ARN of its secret', () => {
  const made = inStack((stack) => {
    const authSecret = secretsmanager.Secret.fromSecretCompleteArn(stack, 'Secret', SECRET);
    const destination = TelemetryDestination.pushgateway({
      url: 'https://gateway.example.com/base',
      authSecret,
      deleteOnShutdown: true,
    });
    newTelemetry(stack, { destination }).addTo(someFunction(stack));
  });
  assert.deepEqual(variables(made), {
    GATEWAY: 'https://gateway.example.com/base',
    AUTH_SECRET: SECRET,
    DELETE_ON_SHUTDOWN: 'true',
  });
});

test('an unencrypted password gives a warning', () => {
  const warned = (url: string, withSecret: boolean) => {
    const stack = newStack();
    const authSecret = withSecret ? secretsmanager.Secret.fromSecretCompleteArn(stack, 'Secret', SECRET) : undefined;
    newTelemetry(stack, { destination: TelemetryDestination.pushgateway({ url, authSecret }) });
    return Annotations.fromStack(stack).findWarning(
      '*',
      Match.stringLikeRegexp('the password in authSecret is sent unencrypted, because url begins with http://'),
    ).length;
  };
  assert.equal(warned('http://gateway.example.com', true), 1);
  assert.equal(warned('http://gateway.example.com', false), 0);
  assert.equal(warned('https://gateway.example.com', true), 0);
});

test('each prop sets its variable', () => {
  const { TELEMETRY_REMOTE_WRITE_URL: _, ...others } = variables(
    template({
      minBatchSize: 10,
      maxAge: Duration.minutes(2),
      summaries: true,
      instanceLabel: TelemetryInstanceLabel.FULL,
      externalLabels: { env: 'prod' },
    }),
  );
  assert.deepEqual(others, {
    DISPATCH_MIN_BATCH_SIZE: '10',
    DISPATCH_MAX_AGE_SECONDS: '120',
    TELEMETRY_SUMMARIES: 'true',
    TELEMETRY_INSTANCE_LABEL: 'full',
    TELEMETRY_EXTERNAL_LABELS: '{"env":"prod"}',
  });
});

test('tokens are accepted', () => {
  const made = template({
    minBatchSize: Lazy.number({ produce: () => 7 }),
    maxAge: Duration.seconds(Lazy.number({ produce: () => 8 })),
    destination: pushgateway(Lazy.string({ produce: () => 'http://10.0.0.1:9091' })),
  });
  assert.deepEqual(variables(made), {
    GATEWAY: 'http://10.0.0.1:9091',
    DISPATCH_MIN_BATCH_SIZE: '7',
    DISPATCH_MAX_AGE_SECONDS: '8',
  });
});

/** lambda/telemetry-extension/README.md: the table of variables */
test('functions may not set the documented variables', () => {
  const rows = README.split('\n').filter((line) => /^\| `[A-Z_]+`/.test(line));
  const documented = rows.flatMap((row) => [...row.split('|')[1].matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name));
  const free = [
    'AWS_ENDPOINT_URL_LAMBDA',
    'AWS_ENDPOINT_URL_SECRETS_MANAGER',
    'AWS_ENDPOINT_URL_SQS',
    'AWS_LAMBDA_LOG_FORMAT',
    'AWS_LAMBDA_LOG_LEVEL',
    // The construct has no props for these.
    'TELEMETRY_FAIL_OPEN',
    'TELEMETRY_HISTOGRAMS',
    'TELEMETRY_METRICS',
    ...NETWORK_VARIABLES,
  ];
  const refused = (name: string) =>
    [TelemetryDestination.workspace, () => pushgateway()].some((to) => {
      const stack = newStack();
      const telemetry = newTelemetry(stack, { destination: to(importedWorkspace(stack)) });
      try {
        telemetry.addTo(someFunction(stack, 'Fn', { environment: { [name]: 'x' } }));
        return false;
      } catch (error) {
        const expected = `^Stack/Telemetry: the function Stack/Fn: the environment variable ${name} is reserved for the extension; use the prop [a-zA-Z]+$`;
        assert.match((error as Error).message, new RegExp(expected));
        return true;
      }
    });
  assert.ok(documented.length > free.length);
  assert.deepEqual(documented.filter((name) => !refused(name)).sort(), free.sort());
});

test('functions may set variables of other destinations', () => {
  assert.doesNotThrow(() => template({}, { environment: { AUTH_SECRET: 'x', DELETE_ON_SHUTDOWN: 'x' } }));
  assert.doesNotThrow(() =>
    template({ destination: pushgateway() }, { environment: { TELEMETRY_REMOTE_WRITE_AUTH: 'x' } }),
  );
});

/** lambda/telemetry-extension/src/labels.rs: RESERVED */
test('reserved labels are those of the extension', () => {
  const [, list] = /RESERVED[^=]*= \[([^\]]*)\]/.exec(rustSources('telemetry-extension'))!;
  const reserved = [...list.matchAll(/"(\w+)"/g)].map(([, name]) => name);
  assert.ok(reserved.length > 10);
  for (const name of reserved) {
    assert.throws(
      () => template({ externalLabels: { [name]: 'x' } }),
      new RegExp(`externalLabels: "${name}" is reserved`),
    );
  }
  assert.doesNotThrow(() => template({ externalLabels: { [`${reserved[0]}_`]: 'x' } }));
});

test('the extension supports every TelemetryInstanceLabel', () => {
  assert.deepEqual(Object.values(TelemetryInstanceLabel), choicesOf('telemetry-extension', 'TELEMETRY_INSTANCE_LABEL'));
});

const URL_PROBLEM = 'url: expected an http:// or https:// URL without a user name, query or fragment';

for (const [props, message] of [
  [{ minBatchSize: 0 }, 'minBatchSize: expected an integer between 1 and 4294967295, got 0'],
  [{ minBatchSize: 2 ** 32 }, 'minBatchSize: expected an integer between 1 and 4294967295, got 4294967296'],
  [{ maxAge: Duration.seconds(0) }, 'maxAge: expected whole seconds between 1 s and 86400 s, got 0 s'],
  [{ maxAge: Duration.hours(25) }, 'maxAge: expected whole seconds between 1 s and 86400 s, got 90000 s'],
  [{ maxAge: Duration.millis(1500) }, 'maxAge: expected whole seconds between 1 s and 86400 s, got 1.5 s'],
  [{ externalLabels: { 'a.b': 'x' } }, 'externalLabels: expected names that match [a-zA-Z_][a-zA-Z0-9_]*, got "a.b"'],
  [{ destination: pushgateway('gateway:9091') }, URL_PROBLEM],
  [{ destination: pushgateway('http://gateway:9091/?a=b') }, URL_PROBLEM],
  [{ destination: pushgateway('http://me:secret@gateway:9091') }, URL_PROBLEM],
] as [Partial<PrometheusTelemetryExtensionProps>, string][]) {
  test(`fails: ${message}`.slice(0, 60), () => {
    assert.throws(() => newTelemetry(newStack(), props), { message: `Stack/Telemetry: ${message}` });
  });
}

/** Lambda Developer Guide, "Managing Lambda dependencies with layers": only with functions deployed as a .zip file archive. */
test('fails if the function is a container image', () => {
  const stack = newStack();
  const code = lambda.DockerImageCode.fromEcr(ecr.Repository.fromRepositoryName(stack, 'Images', 'images'));
  const fn = new lambda.DockerImageFunction(stack, 'Fn', { code });
  assert.throws(() => newTelemetry(stack).addTo(fn), {
    message:
      'Stack/Telemetry: the function Stack/Fn is a container image, which cannot have layers; ' +
      'copy the extension to /opt/extensions in the image and set its variables',
  });
});

/** Lambda quotas: "Function layers: five layers". */
test('fails if the function has five layers', () => {
  const stack = newStack();
  const layers = [1, 2, 3, 4, 5].map(
    (number) => new lambda.LayerVersion(stack, `Layer${number}`, { code: someLayer() }),
  );
  const fn = someFunction(stack, 'Fn', { layers });
  assert.throws(() => newTelemetry(stack).addTo(fn), {
    message: 'Stack/Telemetry: the function Stack/Fn: expected fewer than 5 layers, got 5',
  });
  const made = Template.fromStack(stack);
  made.resourceCountIs('AWS::Lambda::LayerVersion', 5);
  assert.deepEqual(variables(made), {});
  assert.doesNotThrow(() => template({}, { layers: [] }));
});

test('fails if the function has the extension already', () => {
  const stack = newStack();
  const [telemetry, fn] = [newTelemetry(stack), someFunction(stack)];
  const message = (of: string) => ({
    message: `Stack/${of}: the function Stack/Fn already has the extension; add it only once`,
  });
  telemetry.addTo(fn);
  assert.throws(() => telemetry.addTo(fn), message('Telemetry'));
  const another = new PrometheusTelemetryExtension(stack, 'Another', { code: someLayer(), destination: pushgateway() });
  assert.throws(() => another.addTo(fn), message('Another'));
});

test('fails if the function of a push gateway would send to itself', () => {
  const message =
    /the function Stack\/Metrics\/Function cannot send telemetry to itself, .*; use TelemetryDestination\.workspace$/;
  for (const directInvokeOnly of [true, false]) {
    const stack = newStack();
    const gateway = newGateway(stack, { directInvokeOnly });
    const telemetry = newTelemetry(stack, { destination: TelemetryDestination.gateway(gateway) });
    assert.throws(() => telemetry.addTo(gateway.function), message);
  }
  const { function: own } = newGateway(newStack());
  const telemetry = newTelemetry(Stack.of(own), { destination: TelemetryDestination.function(own.addAlias('live')) });
  assert.throws(() => telemetry.addTo(own), message);
});

test('fails if code is for another architecture', () => {
  const stack = newStack();
  const telemetry = newTelemetry(stack);
  telemetry.addTo(someFunction(stack, 'First'));
  const second = someFunction(stack, 'Second', { architecture: lambda.Architecture.X86_64 });
  assert.throws(() => telemetry.addTo(second), {
    message:
      'Stack/Telemetry: the function Stack/Second: expected the architecture of code, arm64, got x86_64; create another construct for it',
  });
});

/** Lambda Developer Guide, "Lambda runtimes": the column of operating systems. */
test('fails if the runtime is older than Amazon Linux 2023', () => {
  const runtimes = lambda.Runtime.ALL.filter((runtime) => runtime !== lambda.Runtime.FROM_IMAGE);
  const refused = runtimes
    .filter((runtime) => {
      const stack = newStack();
      const fn = someFunction(stack, 'Fn', { runtime, code: someCode() });
      try {
        newTelemetry(stack).addTo(fn);
        return false;
      } catch (error) {
        assert.match((error as Error).message, /: expected a runtime on Amazon Linux 2023, got \S+$/);
        return true;
      }
    })
    .map(({ name }) => name);
  for (const name of [
    'java8.al2',
    'java11',
    'java17',
    'python3.10',
    'python3.11',
    'provided.al2',
    'nodejs18.x',
    'dotnet6',
    'ruby3.2',
  ]) {
    assert.ok(refused.includes(name), name);
  }
  const allowed = runtimes.map(({ name }) => name).filter((name) => !refused.includes(name));
  for (const name of [
    'java21',
    'python3.12',
    'python3.13',
    'provided.al2023',
    'nodejs20.x',
    'nodejs22.x',
    'dotnet8',
    'ruby3.3',
  ]) {
    assert.ok(allowed.includes(name), name);
  }
  assert.deepEqual(
    allowed.filter((name) => /^(nodejs1|python3\.\d$|provided$)/.test(name)),
    [],
  );
});

test('the construct alone creates no resources', () => {
  const stack = newStack();
  newTelemetry(stack);
  assert.equal(
    stack.node.findAll().some((construct) => construct instanceof CfnResource),
    false,
  );
});

test('the rules become a namespace of a workspace', () => {
  const made = inStack((stack) => {
    new PrometheusWorkspace(stack, 'Workspace').addRuleGroups('Functions', PrometheusTelemetryExtension.rules());
  });
  const rules = fs.readFileSync(path.join(REPOSITORY, 'example', 'dashboards', 'functions.rules.yaml'), 'utf8');
  assert.equal(only(made, 'AWS::APS::RuleGroupsNamespace').Data, rules);
});
