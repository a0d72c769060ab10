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

/** What is built in the package: its file below `assets/<architecture>`. */
export const ARTIFACTS: Record<string, string> = {
  'push-gateway': 'push-gateway/bootstrap',
  query: 'query/bootstrap',
  'telemetry-extension': 'telemetry-extension/extensions/telemetry-extension',
};

/** What is there for this machine after npm run build:lambda. */
export function requireArtifacts(): void {
  for (const file of Object.values(ARTIFACTS)) {
    const built = path.join(PACKAGE, 'assets', ARCHITECTURE, file);
    assert.ok(fs.existsSync(built), `${built} is missing; build it with: npm run build:lambda`);
  }
}
