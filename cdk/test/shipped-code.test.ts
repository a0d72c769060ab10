/** The artifacts in the package, and the errors if they are missing. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as library from 'cdk-serverless-prometheus-push-gateway';
import { ARCHITECTURES, ARTIFACTS, Architecture, BUILT, HOST, MACHINES, archive } from './artifacts';
import { PACKAGE, importedWorkspace, newStack, someCode, someFunction } from './support';
import { zipEntries } from './zip';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shipped-'));
// In the repository, so that the copies find aws-cdk-lib.
const copies = path.join(PACKAGE, 'test', 'build', 'copies');
after(() => {
  fs.rmSync(folder, { recursive: true });
  fs.rmSync(copies, { recursive: true, force: true });
});

const lambdaArchitecture = (name: Architecture) =>
  name === 'arm64' ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64;

type Library = typeof library;

/** Creates the construct that uses an artifact, from this library or a copy. */
const MAKERS: Record<keyof typeof ARTIFACTS, (stack: Stack, architecture: Architecture, from: Library) => void> = {
  'push-gateway': (stack, architecture, { PrometheusPushGateway }) =>
    void new PrometheusPushGateway(stack, 'Made', { architecture: lambdaArchitecture(architecture) }),
  query: (stack, architecture, { PrometheusQueryFunctions, QueryOperation }) =>
    void new PrometheusQueryFunctions(stack, 'Made', {
      workspace: importedWorkspace(stack),
      architecture: lambdaArchitecture(architecture),
      operations: [QueryOperation.QUERY],
    }),
  'telemetry-extension': (stack, architecture, { PrometheusTelemetryExtension, TelemetryDestination }) => {
    const destination = TelemetryDestination.workspace(importedWorkspace(stack));
    const fn = someFunction(stack, 'Fn', { architecture: lambdaArchitecture(architecture) });
    new PrometheusTelemetryExtension(stack, 'Made', { destination }).addTo(fn);
  },
};
const NAMES = Object.keys(MAKERS) as (keyof typeof MAKERS)[];

test('the package has every artifact', (context) => {
  const missing = ARCHITECTURES.filter((architecture) => !BUILT.includes(architecture));
  assert.ok(!missing.includes(HOST as Architecture), `build what is missing for ${HOST} with: npm run build:lambda`);
  if (missing.length === 0) return;
  const untested = `the package for ${missing}, which is not built on this machine`;
  assert.notEqual(process.env.CI, 'true', `CI must test ${untested}`);
  context.skip(`not tested: ${untested}`);
});

for (const architecture of BUILT) {
  for (const name of NAMES) {
    test(`${name} for ${architecture} is deployed unchanged`, () => {
      const outdir = path.join(folder, `${name}-${architecture}`);
      const stack = new Stack(new App({ outdir }), 'Stack');
      MAKERS[name](stack, architecture, library);
      const { directory } = (stack.node.root as App).synth();
      const { files } = JSON.parse(fs.readFileSync(path.join(directory, 'Stack.assets.json'), 'utf8'));
      const zips = Object.values<any>(files)
        .map(({ source }) => source)
        .filter(({ path: file }) => file.endsWith('.zip'));
      assert.deepEqual(
        zips.map(({ packaging }) => packaging),
        ['file'],
      );
      assert.deepEqual(
        fs.readFileSync(path.join(directory, zips[0].path)),
        fs.readFileSync(archive(architecture, name)),
      );
    });

    /** Lambda requires execute permission, and starts every file in `extensions` of a layer. */
    test(`${name} for ${architecture} is one executable file`, () => {
      const [entry, ...others] = zipEntries(archive(architecture, name));
      assert.deepEqual(others, []);
      assert.equal(entry.name, ARTIFACTS[name]);
      assert.equal(entry.mode, 0o100755);
      // 1980-01-01 00:00:00
      assert.equal(entry.date, 0x0021_0000);
      assert.equal(entry.content.toString('latin1', 1, 4), 'ELF');
      assert.equal(entry.content.readUInt16LE(18), MACHINES[architecture]);
    });
  }
}

/** A copy of the library with artifacts for some architectures. */
function copyWith(...architectures: Architecture[]): Library {
  const copy = path.join(copies, ['with', ...architectures].join('-'));
  fs.cpSync(path.join(PACKAGE, 'lib'), path.join(copy, 'lib'), { recursive: true });
  fs.copyFileSync(path.join(PACKAGE, 'package.json'), path.join(copy, 'package.json'));
  for (const architecture of architectures) {
    fs.mkdirSync(path.join(copy, 'assets', architecture), { recursive: true });
    for (const name of NAMES) fs.writeFileSync(path.join(copy, 'assets', architecture, `${name}.zip`), '');
  }
  return require(copy);
}

/** The error of the construct that uses `name` for `architecture`, from a copy of the library. */
function failure(name: keyof typeof MAKERS, architecture: Architecture, from: Library): string {
  try {
    const stack = newStack();
    MAKERS[name](stack, architecture, from);
    Template.fromStack(stack);
  } catch (error) {
    return (error as Error).message;
  }
  return assert.fail('it did not fail');
}

const BUILD = 'build it with "npm run build:lambda" in the repository of this package';

test('a missing function gives the command and alternatives', () => {
  const assets = (copy: string) => path.join(copies, copy, 'assets');
  for (const name of ['push-gateway', 'query'] as const) {
    const code = 'code: lambda.Code.fromAsset(<zip archive or folder with a file bootstrap>)';
    assert.equal(
      failure(name, 'arm64', copyWith()),
      `Stack/Made: the function for architecture arm64 is missing in ${assets('with')}; ${BUILD}, or set ${code}`,
    );
    assert.equal(
      failure(name, 'arm64', copyWith('x86_64')),
      `Stack/Made: the function for architecture arm64 is missing in ${assets('with-x86_64')}; ${BUILD}, ` +
        `or set architecture: lambda.Architecture.X86_64, which is built, or ${code}`,
    );
    assert.match(
      failure(name, 'x86_64', copyWith('arm64')),
      /, or set architecture: lambda\.Architecture\.ARM_64, which is built, or /,
    );
  }
});

test('a missing extension gives the command and alternative', () => {
  assert.equal(
    failure('telemetry-extension', 'arm64', copyWith('x86_64')),
    `Stack/Made: the telemetry extension for architecture arm64 is missing in ${path.join(copies, 'with-x86_64', 'assets')}; ` +
      `${BUILD}, or set code: lambda.Code.fromAsset(<zip archive or folder with a file extensions/telemetry-extension>)`,
  );
});

test('a given function needs no artifact', () => {
  const stack = newStack();
  const fn = new lambda.Function(stack, 'Own', {
    architecture: lambda.Architecture.ARM_64,
    code: someCode(),
    handler: 'bootstrap',
    runtime: lambda.Runtime.PROVIDED_AL2023,
  });
  assert.doesNotThrow(() => new (copyWith().PrometheusPushGateway)(stack, 'Metrics', { function: fn }));
});
