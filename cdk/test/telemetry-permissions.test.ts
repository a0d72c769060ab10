/** The complete permissions of a function for its telemetry. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { TelemetryDestination } from 'cdk-serverless-prometheus-push-gateway';
import { documents } from './policies';
import { importedWorkspace, inStack, newGateway, newTelemetry, someFunction } from './support';

const SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:gateway-AbCdEf';
const URL = 'https://gateway.example.com';
const WORKSPACE = 'arn:aws:aps:eu-west-1:123456789012:workspace/ws-12345678-abcd-1234-abcd-123456789012';

/** Each allowed action with its resource, as `<logical ID>.Arn` if it is in the stack. */
function allowed(destinationIn: (stack: Stack) => TelemetryDestination): [string, unknown, unknown][] {
  const template = inStack(
    (stack) => {
      const destination = destinationIn(stack);
      newTelemetry(stack, { destination }).addTo(someFunction(stack));
    },
    { env: { account: '123456789012', region: 'eu-west-1' } },
  );
  const found: [string, unknown, unknown][] = [];
  for (const { at, statements } of documents(template)) {
    if (!at.startsWith('FnServiceRoleDefaultPolicy')) continue;
    for (const statement of statements) {
      assert.equal(statement.Effect, 'Allow');
      assert.equal(statement.NotAction, undefined);
      assert.equal(statement.NotResource, undefined);
      for (const action of [statement.Action].flat()) {
        for (const resource of [statement.Resource].flat()) {
          const name = resource['Fn::GetAtt']?.join('.').replace(/[0-9A-F]{8}\./, '.') ?? resource;
          found.push([action, name, statement.Condition]);
        }
      }
    }
  }
  return found;
}

test('workspace: aps:RemoteWrite', () => {
  const found = allowed((stack) => TelemetryDestination.workspace(importedWorkspace(stack)));
  assert.deepEqual(found, [['aps:RemoteWrite', WORKSPACE, undefined]]);
});

test('queue: sqs:SendMessage', () => {
  const found = allowed((stack) => TelemetryDestination.gateway(newGateway(stack)));
  assert.deepEqual(found, [['sqs:SendMessage', 'MetricsQueue.Arn', undefined]]);
});

/** Amazon SQS Developer Guide, "Key management": kms:GenerateDataKey and kms:Decrypt for producers. */
test('encrypted queue: use of the key', () => {
  const found = allowed((stack) =>
    TelemetryDestination.gateway(newGateway(stack, { queueEncryptionKey: new kms.Key(stack, 'Key') })),
  );
  assert.deepEqual(found, [
    ['sqs:SendMessage', 'MetricsQueue.Arn', undefined],
    ['kms:Decrypt', 'Key.Arn', undefined],
    ['kms:GenerateDataKey', 'Key.Arn', undefined],
  ]);
});

test('function: lambda:InvokeFunction without versions', () => {
  const found = allowed((stack) => TelemetryDestination.function(newGateway(stack).function));
  assert.deepEqual(found, [['lambda:InvokeFunction', 'MetricsFunction.Arn', undefined]]);
});

test('alias: lambda:InvokeFunction on the alias', () => {
  const found = allowed((stack) => TelemetryDestination.function(newGateway(stack).function.addAlias('live')));
  assert.equal(found.length, 1);
  assert.match(JSON.stringify(found[0]), /^\["lambda:InvokeFunction",\{"Ref":"MetricsFunctionAliaslive/);
});

test('Pushgateway without a secret: no permission', () => {
  assert.deepEqual(
    allowed(() => TelemetryDestination.pushgateway({ url: URL })),
    [],
  );
});

test('Pushgateway: secretsmanager:GetSecretValue', () => {
  const found = allowed((stack) => {
    const authSecret = secretsmanager.Secret.fromSecretCompleteArn(stack, 'Secret', SECRET);
    return TelemetryDestination.pushgateway({ url: URL, authSecret });
  });
  assert.deepEqual(found, [['secretsmanager:GetSecretValue', SECRET, undefined]]);
});

/** AWS Secrets Manager User Guide, "Secret encryption and decryption": kms:Decrypt through the service. */
test('Pushgateway: kms:Decrypt through Secrets Manager', () => {
  const found = allowed((stack) => {
    const authSecret = new secretsmanager.Secret(stack, 'Secret', { encryptionKey: new kms.Key(stack, 'Key') });
    return TelemetryDestination.pushgateway({ url: URL, authSecret });
  });
  assert.match(JSON.stringify(found[0]), /^\["secretsmanager:GetSecretValue",\{"Ref":"Secret[0-9A-F]{8}"\}/);
  assert.deepEqual(found.slice(1), [
    ['kms:Decrypt', 'Key.Arn', { StringEquals: { 'kms:ViaService': 'secretsmanager.eu-west-1.amazonaws.com' } }],
  ]);
});

/** IAM for Secrets Manager: the six characters at the end of an ARN are random. */
test('a secret imported by name is allowed with any suffix', () => {
  const found = allowed((stack) => {
    const authSecret = secretsmanager.Secret.fromSecretNameV2(stack, 'Secret', 'gateway');
    return TelemetryDestination.pushgateway({ url: URL, authSecret });
  });
  assert.equal(found.length, 1);
  assert.match(JSON.stringify(found[0][1]), /:secretsmanager:eu-west-1:123456789012:secret:gateway-\?{6}"/);
});
