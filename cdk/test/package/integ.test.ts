/** The templates of the integration tests. Only deploying them needs an AWS account. */
import { test } from 'node:test';
import { BUILT } from '../artifacts';
import { PACKAGE, run } from './support';

test('the integration tests match their snapshots', (context) => {
  // They use arm64, the default. In CI, shipped-code.test.ts fails if it is not built.
  if (!BUILT.includes('arm64')) return context.skip('not checked: arm64 is not built');
  run(PACKAGE, 'npm', ['run', '--silent', 'integ']);
});
