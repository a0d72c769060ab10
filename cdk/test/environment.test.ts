/** The variables of the construct match the documentation and the code of the function. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Duration } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import {
  DefaultFormat,
  HttpAuth,
  HttpDelivery,
  NameEscaping,
  OtlpDelta,
  RemoteWriteProtocol,
} from 'cdk-serverless-prometheus-push-gateway';
import {
  NETWORK_VARIABLES,
  choicesOf,
  documentedInReadme,
  gatewayTemplate,
  newGateway,
  newStack,
  rustSources,
  variables,
} from './support';

/** The first column of the table of variables. */
function documented(): string[] {
  const section = documentedInReadme(/\n## Configuration\n([^]*?)(?:\n## |$)/);
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => [...row.split('|')[1].matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name));
}

/** The variables that the code of the function reads. */
function read(): string[] {
  const sources = ['push-gateway', 'http-endpoint'].map(rustSources).join('\n');
  const names = [...sources.matchAll(/"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"/g)].map(([, name]) => name);
  return [...new Set(names)].filter((name) => !name.startsWith('CARGO_'));
}

/** Every variable that the construct can set. */
function set(): string[] {
  const template = gatewayTemplate(
    {
      defaultFormat: DefaultFormat.EXPOSITION,
      externalLabels: { env: 'prod' },
      httpDelivery: HttpDelivery.QUEUE,
      logLevel: lambda.ApplicationLogLevel.WARN,
      maxFuture: Duration.minutes(1),
      nameEscaping: NameEscaping.REJECT,
      otlpDelta: OtlpDelta.GAUGE,
      remoteWriteProtocol: RemoteWriteProtocol.AUTO,
    },
    (gateway) => gateway.addHttpApi({ auth: HttpAuth.secret(), basePath: '/push' }),
  );
  return Object.keys(variables(template));
}

/** Documented variables that the construct does not set, with the reason. */
const NOT_SET: Record<string, string> = {
  REMOTE_WRITE_AUTH: 'requests to AMP are signed, which is the default',
  AWS_LAMBDA_LOG_LEVEL: 'Lambda sets it from LoggingConfig',
  AWS_LAMBDA_LOG_FORMAT: 'Lambda sets it from LoggingConfig',
  AWS_ENDPOINT_URL_SECRETS_MANAGER: 'for a local stack; through the prop environment',
  AWS_ENDPOINT_URL_SQS: 'for a local stack; through the prop environment',
  ...Object.fromEntries(NETWORK_VARIABLES.map((name) => [name, 'through the prop environment'])),
};

test('the construct sets the documented variables', () => {
  assert.deepEqual([...set(), ...Object.keys(NOT_SET)].sort(), documented().sort());
});

test('the function documents the variables that it reads', () => {
  const ofLambda = ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_LAMBDA_FUNCTION_NAME'];
  assert.ok(read().includes('REMOTE_WRITE_URL'));
  assert.deepEqual(
    read().filter((name) => !documented().includes(name) && !ofLambda.includes(name)),
    [],
  );
});

test('by default no setting of the function is changed', () => {
  const ofParts = ['REMOTE_WRITE_URL', 'DEAD_LETTER_QUEUE_URL', 'OUT_OF_ORDER_WINDOW'];
  assert.deepEqual(Object.keys(variables(gatewayTemplate())), ofParts);
});

test('the environment may set only RUST_LOG of these', () => {
  for (const name of [...set(), 'REMOTE_WRITE_AUTH', 'AWS_LAMBDA_LOG_LEVEL', 'AWS_LAMBDA_LOG_FORMAT']) {
    const given = () => newGateway(newStack(), { environment: { [name]: 'x' } });
    if (name === 'RUST_LOG') assert.doesNotThrow(given);
    else assert.throws(given, new RegExp(`environment: ${name} is reserved; use the prop`));
  }
});

for (const [name, choices, variable] of [
  ['DefaultFormat', DefaultFormat, 'DEFAULT_FORMAT'],
  ['HttpDelivery', HttpDelivery, 'HTTP_DELIVERY'],
  ['NameEscaping', NameEscaping, 'NAME_ESCAPING'],
  ['OtlpDelta', OtlpDelta, 'OTLP_DELTA'],
  ['RemoteWriteProtocol', RemoteWriteProtocol, 'REMOTE_WRITE_PROTOCOL'],
] as const) {
  test(`the function supports every ${name}`, () => {
    assert.deepEqual(Object.values(choices), choicesOf('push-gateway', variable));
  });
}
