/** The integration tests, which need an account to run, against the snapshots of what they deploy. */
import { test } from 'node:test';
import { BUILT } from '../artifacts';
import { PACKAGE, run } from './support';

test('the integration tests match their snapshots', (context) => {
  // They deploy for arm64, the default; shipped-code.test.ts fails in CI if it is not built.
  if (!BUILT.includes('arm64')) return context.skip('not checked: arm64 is not built');
  run(PACKAGE, 'npm', ['run', '--silent', 'integ']);
});
