/** Runs cfn-lint from the environment of scripts/test.sh. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { PACKAGE } from './support';

const CFN_LINT = path.join(PACKAGE, '.venv', 'bin', 'cfn-lint');

/** Duplicate dependencies: a function or rule depends on its role and on the policy of the role. */
const IGNORED = ['W3005'];

export function lint(file: string): { status: number | null; output: string } {
  assert.ok(fs.existsSync(CFN_LINT), `${CFN_LINT} is missing; run npm test --workspace cdk`);
  const { status, stdout, stderr } = spawnSync(
    CFN_LINT,
    ['--regions', 'eu-west-1', '--ignore-checks', ...IGNORED, '--', file],
    { encoding: 'utf8' },
  );
  return { status, output: stdout + stderr };
}
