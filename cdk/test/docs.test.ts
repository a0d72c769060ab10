/** The README, the API reference and the doc comments. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import { PACKAGE, REPOSITORY } from './support';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'docs-'));
after(() => fs.rmSync(folder, { recursive: true }));

const assembly = JSON.parse(fs.readFileSync(path.join(PACKAGE, '.jsii'), 'utf8'));

function run(command: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: PACKAGE, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}

test('every snippet compiles', () => {
  const tablet = path.join(folder, 'tablet.json');
  run('npx', ['--no-install', 'jsii-rosetta', 'extract', '--strict', '--cache-to', tablet, '.']);
  const readme = fs.readFileSync(path.join(PACKAGE, 'README.md'), 'utf8');
  const { snippets } = JSON.parse(fs.readFileSync(tablet, 'utf8'));
  const fromReadme = Object.values<any>(snippets).filter(({ location }) => location.api.api === 'moduleReadme');
  assert.equal(fromReadme.length, [...readme.matchAll(/^```ts$/gm)].length);
});

test('API.md is up to date (npm run docs -w cdk)', () => {
  const written = path.join(folder, 'API.md');
  run(process.execPath, ['scripts/write-api.js', written]);
  assert.ok(
    fs.readFileSync(written, 'utf8') === fs.readFileSync(path.join(PACKAGE, 'API.md'), 'utf8'),
    'API.md is not up to date: npm run docs --workspace cdk',
  );
});

test('every prop has a description and default', () => {
  const structs = Object.values<any>(assembly.types).filter(({ datatype }) => datatype);
  assert.ok(structs.length >= 5);
  for (const { name, properties } of structs) {
    for (const { name: prop, optional, docs } of properties) {
      assert.ok(docs?.summary, `${name}.${prop} has no summary`);
      // A result has no default.
      if (optional && !['PushGatewayAlarms', 'QueryFunctionUrl'].includes(name))
        assert.ok(docs.default, `${name}.${prop} has no @default`);
    }
  }
});

test('every class, method and enum member is documented', () => {
  for (const type of Object.values<any>(assembly.types)) {
    assert.ok(type.docs?.summary, `${type.name} has no summary`);
    for (const member of [...(type.methods ?? []), ...(type.properties ?? []), ...(type.members ?? [])]) {
      if (member.overrides) continue;
      assert.ok(member.docs?.summary, `${type.name}.${member.name} has no summary`);
    }
  }
});

test('links within the README have targets', () => {
  const readme = fs.readFileSync(path.join(PACKAGE, 'README.md'), 'utf8');
  const headings = [...readme.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, '')
      .replace(/ /g, '-'),
  );
  for (const [, anchor] of readme.matchAll(/\]\(#([^)]*)\)/g)) {
    assert.ok(headings.includes(anchor), anchor);
  }
});

test('the lock file names no registry', () => {
  const lock = JSON.parse(fs.readFileSync(path.join(REPOSITORY, 'package-lock.json'), 'utf8'));
  const resolved = Object.values<any>(lock.packages).filter(({ resolved, link }) => resolved && !link);
  assert.deepEqual(resolved, []);
});

test('npm and Python test with the same versions', () => {
  const { peerDependencies, devDependencies } = JSON.parse(fs.readFileSync(path.join(PACKAGE, 'package.json'), 'utf8'));
  const requirements = fs.readFileSync(path.join(PACKAGE, 'test', 'requirements.txt'), 'utf8');
  for (const name of Object.keys(peerDependencies)) {
    assert.ok(requirements.includes(`\n${name}==${devDependencies[name]}\n`), name);
  }
});
