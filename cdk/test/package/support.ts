/** Shared by the tests of the package as users get it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

export const PACKAGE = path.resolve(__dirname, '..', '..', '..');
export const REPOSITORY = path.resolve(PACKAGE, '..');

/** This machine's architecture, as AWS names it. */
export const ARCHITECTURE = process.arch === 'x64' ? 'x86_64' : process.arch;

/** Runs a command that has to succeed, and gives what it prints. */
export function run(cwd: string, command: string, args: string[], env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}${stderr}${error ?? ''}`);
  return stdout;
}

/** A folder outside the repository. */
export function newFolder(name: string): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), `${name}-`));
}

/** The functions in the package. */
export const FUNCTIONS = ['push-gateway', 'query'];

/** What is there for this machine after npm run build:lambda. */
export function requireArtifacts(): void {
  for (const name of FUNCTIONS) {
    const bootstrap = path.join(PACKAGE, 'assets', ARCHITECTURE, name, 'bootstrap');
    assert.ok(fs.existsSync(bootstrap), `${bootstrap} is missing; build it with: npm run build:lambda`);
  }
}
