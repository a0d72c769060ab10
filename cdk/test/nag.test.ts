/** The AwsSolutions rules of cdk-nag. Each acknowledged finding has a reason; the defaults have none. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import { App, Stack, Validations } from 'aws-cdk-lib';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks } from 'cdk-nag';
import { STACKS, appWith } from './stacks';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nag-'));
after(() => fs.rmSync(folder, { recursive: true }));

const FINDING = {
  id: 'AwsSolutions::AwsSolutions-IAM5[Resource::*]',
  reason: 'Listing workspaces has no resource to limit the permission to.',
};
const FINDING_ALL = {
  id: 'AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:aps:<AWS::Region>:<AWS::AccountId>:workspace/*]',
  reason: 'Which workspaces there will be is what the function is to find out.',
};

const ACKNOWLEDGED: Record<string, { id: string; reason: string }[]> = {
  DirectInvokeOnly: [
    {
      id: 'AwsSolutions::AwsSolutions-SQS3',
      reason: 'The queue is a dead-letter queue: of asynchronous invokes, which the rule does not know.',
    },
  ],
  EncryptedInAVpc: [
    {
      id: 'AwsSolutions::AwsSolutions-IAM5[Resource::*]',
      reason: 'Lambda makes the network interfaces, so they cannot be named in advance.',
    },
    {
      id: 'AwsSolutions::AwsSolutions-EC23',
      reason: 'The rule cannot read the address range of a VPC that is made in the same stack; nothing else is let in.',
    },
  ],
  EverythingOfAGateway: [
    {
      id: 'AwsSolutions::AwsSolutions-IAM5[Resource::*]',
      reason: 'X-Ray has no resources to limit the permission to.',
    },
    versionsOf('MetricsFunctionB5D3CECE'),
  ],
  HttpWithIam: [
    {
      id: 'AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<MetricsHttpApi7E4F9A21>/prod/*]',
      reason: 'A client pushes with any method and path of its stage.',
    },
  ],
  HttpWithASecret: [
    {
      id: 'AwsSolutions::AwsSolutions-APIG4',
      reason: 'The function authenticates, because no Pushgateway client can use an authorizer of API Gateway.',
    },
    {
      id: 'AwsSolutions::AwsSolutions-SMG4',
      reason: 'The clients must get a new password too, so only the app can rotate the secret.',
    },
  ],
  EverythingOfQueryFunctions: [
    FINDING,
    FINDING_ALL,
    ...['QueriesFindWorkspaceFunction4DEA8185', 'QueriesQueryFunction1BA5E4AA'].map(versionsOf),
  ],
  QueryEndpoints: [
    {
      id: 'AwsSolutions::AwsSolutions-SMG4',
      reason: 'The clients must get a new password too, so only the app can rotate the secret.',
    },
  ],
  TelemetryToAPushgateway: [
    {
      id: 'AwsSolutions::AwsSolutions-SMG4',
      reason:
        "The secret is the test's own, and its password that of a Pushgateway, which nothing can change from here.",
    },
  ],
  AgentGateway: [
    ...[
      'QueriesQueryFunction1BA5E4AA',
      'QueriesRangeQueryFunction4CEAF234',
      'QueriesListMetricsFunctionF008B0AE',
      'QueriesServerInfoFunction74E10700',
    ].map(versionsOf),
  ],
};

function versionsOf(fn: string) {
  return {
    id: `AwsSolutions::AwsSolutions-IAM5[Resource::<${fn}.Arn>:*]`,
    reason: 'The versions and aliases of the function, as CDK grants invoking.',
  };
}

/** The findings in an app, or undefined. */
function findings(app: App): string | undefined {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const log: string[] = [];
  const { error } = console;
  console.error = (...line: unknown[]) => void log.push(line.join(' '));
  const { exitCode } = process;
  try {
    app.synth();
  } catch (failure) {
    log.push(String(failure));
  } finally {
    console.error = error;
    process.exitCode = exitCode;
  }
  const text = log.join('\n');
  return /AwsSolutions-/.test(text) ? text : undefined;
}

for (const name of Object.keys(STACKS)) {
  test(`cdk-nag finds nothing else in ${name}`, () => {
    const { app, stack } = appWith(name, path.join(folder, name));
    for (const acknowledgement of ACKNOWLEDGED[name] ?? []) {
      Validations.of(stack).acknowledge(acknowledgement);
    }
    assert.equal(findings(app), undefined);
  });
}

test('cdk-nag finds a queue without TLS', () => {
  const app = new App({ outdir: path.join(folder, 'wrong') });
  new sqs.Queue(new Stack(app, 'Wrong'), 'Queue');
  assert.match(findings(app) ?? '', /AwsSolutions-SQS4/);
});
