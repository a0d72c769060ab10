/** Runs commands for the tests of the package. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

export const PACKAGE = path.resolve(__dirname, '..', '..', '..');
export const REPOSITORY = path.resolve(PACKAGE, '..');

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  /** stdout and stderr, for error messages. */
  readonly output: string;
}

/** Runs a command, which may fail. */
export function attempt(cwd: string, command: string, args: string[], env: NodeJS.ProcessEnv = {}): Ran {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 100_000_000,
  });
  return { status, stdout, output: `${stdout}${stderr}${error ?? ''}` };
}

/** Runs a command, which must succeed, and returns its stdout. */
export function run(cwd: string, command: string, args: string[], env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, output } = attempt(cwd, command, args, env);
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${output}`);
  return stdout;
}

/** A folder outside the repository. */
export function newFolder(name: string): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), `${name}-`));
}
