/** The rules for the metrics of functions, with promtool. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { programs } from '../support/environment.js';

const PACKAGE = resolve(import.meta.dirname, '..', '..', '..');
const execute = promisify(execFile);

/** promtool is installed with Prometheus. */
function promtool(...options: string[]): Promise<unknown> {
  const beside = join(dirname(programs().prometheus), 'promtool');
  return execute(existsSync(beside) ? beside : 'promtool', options);
}

test('promtool finds nothing in the rules', async () => {
  await promtool('check', 'rules', '--lint=all', '--lint-fatal', join(PACKAGE, 'dashboards', 'functions.rules.yaml'));
});

test('the rules record and alert as promtool expects', async () => {
  await promtool('test', 'rules', join(PACKAGE, 'test', 'app', 'functions.rules.test.yaml'));
});
