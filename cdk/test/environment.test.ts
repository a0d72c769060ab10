/** The function's variables have one source of truth: its own documentation and code, which are read here. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { NameEscaping } from 'cdk-serverless-prometheus-push-gateway';
import { NETWORK_VARIABLES, REPOSITORY, gatewayTemplate, newGateway, newStack, variables } from './support';

const read = (...file: string[]) => fs.readFileSync(path.join(REPOSITORY, ...file), 'utf8');

/** The first column of the README's table of variables. */
function documented(): string[] {
  const section = /\n## Configuration\n([\s\S]*?)\n## /.exec(read('README.md'));
  assert.ok(section, 'the README has a section "Configuration"');
  const rows = section[1].split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => [...row.split('|')[1].matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name));
}

/** The variables that the function's code looks up for its configuration. */
function lookedUp(): string[] {
  const code = read('lambda', 'push-gateway', 'src', 'config.rs').split('#[cfg(test)]')[0];
  return [...new Set([...code.matchAll(/\bget\("([A-Z_]+)"\)/g)].map(([, name]) => name))];
}

/** Every variable that the construct sets when every prop that sets one is given. */
function set(): string[] {
  const template = gatewayTemplate({
    externalLabels: { env: 'prod' },
    logLevel: lambda.ApplicationLogLevel.WARN,
    nameEscaping: NameEscaping.REJECT,
  });
  return Object.keys(variables(template));
}

/** Documented, but not for the construct to set, with the reason. */
const NOT_SET: Record<string, string> = {
  REMOTE_WRITE_AUTH: 'requests to AMP are signed, which is the default',
  AWS_LAMBDA_LOG_LEVEL: 'Lambda sets it from LoggingConfig',
  AWS_LAMBDA_LOG_FORMAT: 'Lambda sets it from LoggingConfig',
  AWS_ENDPOINT_URL_SQS: 'for a local stack; through the prop environment',
  ...Object.fromEntries(NETWORK_VARIABLES.map((name) => [name, 'through the prop environment'])),
};

test('the construct sets the documented variables', () => {
  assert.deepEqual([...set(), ...Object.keys(NOT_SET)].sort(), documented().sort());
});

test('the function documents the variables that it reads', () => {
  const ofLambda = ['AWS_REGION', 'AWS_DEFAULT_REGION'];
  const undocumented = lookedUp().filter((name) => !documented().includes(name) && !ofLambda.includes(name));
  assert.deepEqual(undocumented, []);
});

test('by default only the URL and dead-letter queue are set', () => {
  assert.deepEqual(Object.keys(variables(gatewayTemplate())), ['REMOTE_WRITE_URL', 'DEAD_LETTER_QUEUE_URL']);
});

test('the environment may set only RUST_LOG of these', () => {
  for (const name of [...set(), 'REMOTE_WRITE_AUTH', 'AWS_LAMBDA_LOG_LEVEL', 'AWS_LAMBDA_LOG_FORMAT']) {
    const given = () => newGateway(newStack(), { environment: { [name]: 'x' } });
    if (name === 'RUST_LOG') assert.doesNotThrow(given);
    else assert.throws(given, new RegExp(`environment: ${name} is reserved; use the prop`));
  }
});

/** lambda/push-gateway/src/config.rs: NAME_ESCAPING has to be underscores or reject */
test('the function supports every NameEscaping', () => {
  const allowed = /variable: "NAME_ESCAPING",\s*allowed: "([^"]*)"/.exec(
    read('lambda', 'push-gateway', 'src', 'config.rs'),
  );
  assert.ok(allowed);
  assert.deepEqual(Object.values(NameEscaping), allowed[1].split(' or '));
});
