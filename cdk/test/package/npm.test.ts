/** The content of the npm package, and its use in an app outside the repository. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { buildSync } from 'esbuild';
import { ARCHITECTURES, ARTIFACTS, Architecture, BUILT, HOST, MACHINES, archive } from '../artifacts';
import { zipEntries } from '../zip';
import { PACKAGE, REPOSITORY, attempt, newFolder, run } from './support';

const folder = newFolder('npm');
after(() => fs.rmSync(folder, { recursive: true }));

const NAME = 'cdk-serverless-prometheus-push-gateway';
const {
  peerDependencies,
  dependencies,
  bundledDependencies = [],
} = JSON.parse(fs.readFileSync(path.join(PACKAGE, 'package.json'), 'utf8'));

interface Packed {
  readonly filename: string;
  readonly files: { readonly path: string; readonly mode: number }[];
}
let packed: Packed;

before(() => {
  assert.ok(BUILT.includes(HOST as Architecture), 'build what the package carries with: npm run build:lambda');
  // Packing requires both architectures, which CI has. With one, the tests skip its check.
  const scripts = BUILT.length === ARCHITECTURES.length ? [] : ['--ignore-scripts'];
  const out = run(REPOSITORY, 'npm', [
    'pack',
    '--workspace',
    'cdk',
    '--json',
    '--pack-destination',
    folder,
    ...scripts,
  ]);
  // prepack prints before the JSON.
  [packed] = JSON.parse(out.slice(out.search(/^\[$/m)));
});

test('the package has only code, documents and archives', () => {
  const files = packed.files.map(({ path: file }) => file);
  const built = BUILT.flatMap((architecture) =>
    Object.keys(ARTIFACTS).map((name) => `assets/${architecture}/${name}.zip`),
  );
  const required = [
    '.jsii',
    'API.md',
    'LICENSE',
    'README.md',
    'package.json',
    'lib/index.js',
    'lib/index.d.ts',
    'assets/functions.rules.yaml',
    'assets/tools.json',
  ];
  for (const file of [...required, ...built]) assert.ok(files.includes(file), file);
  const bundled = bundledDependencies.map((name: string) => `node_modules/${name}/`);
  for (const inner of bundled) assert.ok(files.includes(`${inner}package.json`), inner);
  const known = (file: string) =>
    [...required, ...built].includes(file) ||
    /^lib\/.*\.(js|d\.ts)$/.test(file) ||
    bundled.some((inner: string) => file.startsWith(inner));
  const others = files.filter((file) => !known(file));
  assert.deepEqual(others, []);
});

test('npm pack fails if an archive is missing', () => {
  const copy = path.join(folder, 'incomplete');
  for (const file of ['package.json', 'scripts/check-package.js'])
    fs.cpSync(path.join(PACKAGE, file), path.join(copy, file));
  for (const name of Object.keys(ARTIFACTS))
    fs.cpSync(archive(HOST, name), path.join(copy, 'assets', HOST, `${name}.zip`));
  const { status, output } = attempt(copy, 'npm', ['pack']);
  assert.notEqual(status, 0);
  const [other] = ARCHITECTURES.filter((architecture) => architecture !== HOST);
  for (const name of Object.keys(ARTIFACTS)) {
    assert.ok(output.includes(`✗ ${path.join(copy, 'assets', other, `${name}.zip`)} is missing. `), output);
  }
  assert.deepEqual(
    fs.readdirSync(copy).filter((file) => file.endsWith('.tgz')),
    [],
  );
});

for (const [what, version, packed] of [
  ['of the required version is', '2.9.1', 'hoisted'],
  ['of another version is not', '1.10.3', 'nested'],
]) {
  test(`a hoisted dependency ${what} packed`, () => {
    const copy = path.join(folder, packed, 'cdk');
    const manifest = { bundledDependencies: ['yaml'], dependencies: { yaml: '2.9.1' } };
    const write = (file: string, content: unknown) => {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, JSON.stringify(content));
    };
    write(path.join(copy, 'package.json'), manifest);
    write(path.join(copy, '..', 'node_modules', 'yaml', 'package.json'), { version, from: 'hoisted' });
    write(path.join(copy, 'node_modules', 'yaml', 'package.json'), { version: '2.9.1', from: 'nested' });
    fs.cpSync(path.join(PACKAGE, 'scripts', 'nest-bundled.js'), path.join(copy, 'scripts', 'nest-bundled.js'));
    run(copy, process.execPath, ['scripts/nest-bundled.js']);
    const { from } = JSON.parse(fs.readFileSync(path.join(copy, 'node_modules', 'yaml', 'package.json'), 'utf8'));
    assert.equal(from, packed);
  });
}

test('bundled dependencies are required in exact versions', () => {
  for (const name of bundledDependencies) assert.match(dependencies[name], /^\d+\.\d+\.\d+$/);
});

/** Installs the package with `peers` in a new app with a umask, and returns the folder of the app. */
function install(name: string, peers: string[], umask: string, ...options: string[]): string {
  const app = path.join(folder, name);
  fs.mkdirSync(app);
  fs.writeFileSync(path.join(app, 'package.json'), '{ "private": true }');
  fs.copyFileSync(path.join(PACKAGE, 'test', 'package', 'app.ts'), path.join(app, 'app.ts'));
  const command = `umask ${umask} && exec npm install --no-audit --no-fund "$@"`;
  run(app, 'sh', ['-c', command, 'npm', ...options, path.join(folder, packed.filename), ...peers]);
  return app;
}

/** Compiles app.ts of `app`. */
function compile(app: string): void {
  const typeRoots = path.join(REPOSITORY, 'node_modules', '@types');
  const options = [
    '--module',
    'node16',
    '--moduleResolution',
    'node16',
    '--strict',
    '--typeRoots',
    typeRoots,
    '--types',
    'node',
  ];
  run(app, process.execPath, [require.resolve('typescript/bin/tsc'), ...options, 'app.ts']);
}

/** Synthesises a program of `app` and returns the template and the staged file of each artifact. */
function synthesise(app: string, program: string): { template: string; assets: Record<string, string> } {
  const outdir = path.join(app, `${program}.out`);
  run(app, process.execPath, [program, outdir], DEFAULT_IS_BUILT ? {} : { APP_ARCHITECTURE: HOST });
  const { files } = JSON.parse(fs.readFileSync(path.join(outdir, 'Stack.assets.json'), 'utf8'));
  const assets = Object.values<any>(files).filter(({ source }) => source.path.endsWith('.zip'));
  return {
    template: fs.readFileSync(path.join(outdir, 'Stack.template.json'), 'utf8'),
    assets: Object.fromEntries(
      assets.map(({ source, displayName }) => [artifactOf(displayName), path.join(outdir, source.path)]),
    ),
  };
}

const DEFAULT_IS_BUILT = BUILT.includes('arm64');

function artifactOf(displayName: string): string {
  if (displayName.startsWith('Telemetry')) return 'telemetry-extension';
  return displayName.startsWith('Metrics') ? 'push-gateway' : 'query';
}

/** The oldest supported peers. AgentCore requires aws-cdk-lib 2.255.0. */
const OLDEST = ['aws-cdk-lib@2.255.0', 'constructs@10.5.0'];
const NEWEST = Object.entries(peerDependencies).map(([name, range]) => `${name}@${range}`);
let oldest: string;
let withOldest: ReturnType<typeof synthesise>;

test('an app works with the oldest peers', () => {
  oldest = install('oldest', OLDEST, '077', '--prefer-offline');
  compile(oldest);
  withOldest = synthesise(oldest, 'app.js');
  for (const [name, version] of OLDEST.map((peer) => peer.split(/@(?=\d)/))) {
    assert.equal(peerDependencies[name], `^${version}`);
    const manifest = fs.readFileSync(path.join(oldest, 'node_modules', name, 'package.json'), 'utf8');
    assert.equal(JSON.parse(manifest).version, version);
  }
});

test('the default architecture is arm64', () => {
  const { Resources } = JSON.parse(withOldest.template);
  const architectures = Object.values<any>(Resources)
    .filter(({ Type }) => Type === 'AWS::Lambda::Function')
    .map(({ Properties }) => Properties.Architectures);
  assert.notEqual(architectures.length, 0);
  for (const names of architectures) assert.deepEqual(names, [DEFAULT_IS_BUILT ? 'arm64' : HOST]);
});

test('staged files are executable with any umask', () => {
  assert.deepEqual(Object.keys(withOldest.assets).sort(), Object.keys(ARTIFACTS).sort());
  const installed = path.join(oldest, 'node_modules', NAME, 'package.json');
  assert.equal(fs.statSync(installed).mode & 0o777, 0o600, 'the umask was not in force');
  for (const [name, file] of Object.entries(withOldest.assets)) {
    const modes = zipEntries(file).map((entry) => [entry.name, entry.mode & 0o777]);
    assert.deepEqual(modes, [[ARTIFACTS[name as keyof typeof ARTIFACTS], 0o755]], name);
  }
});

/** Properties depend on the version of CDK, but logical IDs must not, or updates would replace resources. */
test('an app has the same resources with the newest peers', () => {
  // Without --prefer-offline, because the npm cache may be older.
  const newest = install('newest', NEWEST, '022');
  compile(newest);
  assert.deepEqual(resourcesOf(synthesise(newest, 'app.js').template), resourcesOf(withOldest.template));
});

function resourcesOf(template: string): string[] {
  return Object.entries<any>(JSON.parse(template).Resources)
    .map(([id, { Type }]) => `${id}: ${Type}`)
    .sort();
}

test('a bundled app fails with the cause and solution', () => {
  const bundle = (outfile: string, ...external: string[]) =>
    buildSync({
      absWorkingDir: oldest,
      entryPoints: ['app.ts'],
      bundle: true,
      platform: 'node',
      logLevel: 'error',
      outfile,
      external,
    });
  bundle('dist/bundled.js');
  const { status, output } = attempt(oldest, process.execPath, ['dist/bundled.js', 'bundled.out']);
  assert.notEqual(status, 0);
  assert.match(output, /a bundler such as esbuild merged the library into the app; keep the library external/);
  const [, external] = /\(esbuild: --external:([\w-]+)\)/.exec(output) ?? [];
  assert.doesNotMatch(output, /build:lambda/);

  bundle('external.js', external);
  assert.deepEqual(JSON.parse(synthesise(oldest, 'external.js').template), JSON.parse(withOldest.template));
});

for (const architecture of BUILT) {
  test(`the artifacts for ${architecture} work`, (context) => {
    const runner = architecture === HOST ? undefined : process.env[`${architecture.toUpperCase()}_RUNNER`];
    for (const [name, file] of Object.entries(ARTIFACTS)) {
      const shipped = path.join(oldest, 'node_modules', NAME, 'assets', architecture, `${name}.zip`);
      const [entry] = zipEntries(shipped);
      assert.equal(entry.name, file);
      assert.equal(entry.content.readUInt16LE(18), MACHINES[architecture]);
      if (architecture !== HOST && !runner) continue;
      const script = path.join(REPOSITORY, 'scripts/check-program.sh');
      run(folder, 'bash', [script, name, shipped, ...(runner === undefined ? [] : [path.resolve(runner)])]);
    }
    if (architecture !== HOST && !runner)
      context.diagnostic(`not started: ${architecture} on ${HOST}, which needs ${architecture.toUpperCase()}_RUNNER`);
  });
}
