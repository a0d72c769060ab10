/** The CloudFormation template, and the documented commands that deploy it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import { ARTIFACTS } from './artifacts';
import { lint } from './lint';
import { PACKAGE, REPOSITORY } from './support';

const FILE = path.join(PACKAGE, 'push-gateway.template.json');
const template = JSON.parse(fs.readFileSync(FILE, 'utf8'));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cloudformation-'));
after(() => fs.rmSync(folder, { recursive: true }));

test('the template is up to date (npm run template)', () => {
  const made = path.join(folder, 'made.json');
  const { status, stderr } = spawnSync(process.execPath, ['scripts/template.js', made], {
    cwd: PACKAGE,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  assert.ok(fs.readFileSync(made).equals(fs.readFileSync(FILE)), `${FILE} is not up to date: npm run template`);
});

test('cfn-lint finds nothing in the template', () => {
  assert.deepEqual(lint(FILE), { status: 0, output: '' });
});

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
test('the template is within the size limit', () => {
  assert.ok(fs.statSync(FILE).size <= 51_200);
});

test('all code comes from the parameters', () => {
  const parts = Object.values<any>(template.Resources).map(({ Properties }) => Properties.Code ?? Properties.Content);
  const keys = parts.filter((part) => part?.S3Key).map(({ S3Bucket, S3Key }) => `${S3Bucket.Ref}/${S3Key.Ref}`);
  assert.deepEqual(keys.sort(), [
    'CodeBucket/PushGatewayKey',
    ...Array(4).fill('CodeBucket/QueryKey'),
    'CodeBucket/TelemetryExtensionKey',
  ]);
});

/** The arguments of `aws` in the first commands of the page. */
function deployed(): string[][] {
  const page = fs.readFileSync(path.join(REPOSITORY, 'docs', 'cloudformation.md'), 'utf8');
  const [, commands] = /^```sh\n([^]*?)^```$/m.exec(page) ?? [];
  const log = path.join(folder, 'log');
  fs.writeFileSync(path.join(folder, 'aws'), `#!/bin/sh\nprintf '%s\\n' "$@" '' >> '${log}'\n`, { mode: 0o755 });
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  const { status, stderr } = spawnSync('bash', ['-euc', commands], { cwd: folder, encoding: 'utf8', env });
  assert.equal(status, 0, stderr);
  return fs
    .readFileSync(log, 'utf8')
    .split('\n\n')
    .filter(Boolean)
    .map((call) => call.split('\n'));
}

test('the documented commands deploy the template', () => {
  const calls = deployed();
  const uploads = calls.filter(([service]) => service === 's3').map(([, , from, to]) => ({ from, to }));
  assert.deepEqual(
    uploads.map(({ from }) => from),
    Object.keys(ARTIFACTS).map((name) => `${name}-arm64.zip`),
  );

  const [deploy, ...others] = calls.filter(([service]) => service === 'cloudformation');
  assert.deepEqual(others, []);
  assert.equal(deploy[1], 'deploy');
  assert.equal(deploy[deploy.indexOf('--template-file') + 1], path.basename(FILE));
  const given = Object.fromEntries(
    deploy.slice(deploy.indexOf('--parameter-overrides') + 1).map((text) => text.split('=')),
  );
  const required = Object.entries<any>(template.Parameters).filter(([, { Default }]) => Default === undefined);
  assert.deepEqual(Object.keys(given).sort(), required.map(([name]) => name).sort());
  const keys = ['PushGatewayKey', 'QueryKey', 'TelemetryExtensionKey'].map(
    (key) => `s3://${given.CodeBucket}/${given[key]}`,
  );
  assert.deepEqual(
    keys,
    uploads.map(({ to }) => to),
  );

  // Sufficient for roles without names.
  assert.equal(deploy[deploy.indexOf('--capabilities') + 1], 'CAPABILITY_IAM');
  const named = Object.values<any>(template.Resources).filter(({ Properties }) => Properties?.RoleName);
  assert.deepEqual(named, []);
});
