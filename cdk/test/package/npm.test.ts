/** The npm package: what is in it, and that an app elsewhere can use it. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { ARCHITECTURE, ARTIFACTS, PACKAGE, REPOSITORY, newFolder, requireArtifacts, run } from './support';

const folder = newFolder('npm');
after(() => fs.rmSync(folder, { recursive: true }));

interface Packed {
  readonly filename: string;
  readonly files: { readonly path: string; readonly mode: number }[];
}
let packed: Packed;

before(() => {
  requireArtifacts();
  // What prepack prints comes before the JSON.
  const out = run(REPOSITORY, 'npm', ['pack', '--workspace', 'cdk', '--json', '--pack-destination', folder]);
  [packed] = JSON.parse(out.slice(out.search(/^\[$/m)));
});

test('the package holds the compiled constructs, their documents, the functions, their tools and the extension, and nothing else', () => {
  const files = packed.files.map(({ path: file }) => file);
  for (const file of ['.jsii', 'API.md', 'LICENSE', 'README.md', 'package.json', 'lib/index.js', 'lib/index.d.ts', 'assets/tools.json']) {
    assert.ok(files.includes(file), file);
  }
  const others = files.filter((file) => !/^(lib\/.*\.(js|d\.ts)|assets\/((arm64|x86_64)\/((push-gateway|query)\/bootstrap|telemetry-extension\/extensions\/telemetry-extension)|tools\.json)|\.jsii|[A-Za-z]+\.(md|json)|LICENSE)$/.test(file));
  assert.deepEqual(others, []);
});

test('what is built in the package can be run', () => {
  for (const [name, file] of Object.entries(ARTIFACTS)) {
    const built = packed.files.find(({ path: packedFile }) => packedFile === `assets/${ARCHITECTURE}/${file}`);
    assert.ok(built, `${name} for ${ARCHITECTURE}`);
    assert.equal(built.mode & 0o111, 0o111);
  }
});

const APP = `
const { App, Stack } = require('aws-cdk-lib');
const lambda = require('aws-cdk-lib/aws-lambda');
const {
  PrometheusPushGateway,
  PrometheusQueryFunctions,
  PrometheusTelemetryExtension,
  TelemetryDestination,
} = require('cdk-serverless-prometheus-push-gateway');

const stack = new Stack(new App({ outdir: 'cdk.out' }), 'Stack');
const architecture = lambda.Architecture.${ARCHITECTURE.toUpperCase()};
const gateway = new PrometheusPushGateway(stack, 'Metrics', { architecture });
const { workspace } = gateway;
new PrometheusQueryFunctions(stack, 'Queries', { workspace, architecture });
new PrometheusTelemetryExtension(stack, 'Telemetry', { destination: TelemetryDestination.workspace(workspace) }).addTo(gateway.function);
stack.node.root.synth();
`;

test('installed elsewhere, a new app synthesises, and its assets are functions that answer and an extension that counts', () => {
  const app = path.join(folder, 'app');
  fs.mkdirSync(app);
  fs.writeFileSync(path.join(app, 'package.json'), '{ "private": true }');
  fs.writeFileSync(path.join(app, 'app.js'), APP);
  const { peerDependencies } = JSON.parse(fs.readFileSync(path.join(PACKAGE, 'package.json'), 'utf8'));
  const peers = Object.entries(peerDependencies).map(([name, range]) => `${name}@${String(range).slice(1)}`);
  run(app, 'npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', path.join(folder, packed.filename), ...peers]);
  run(app, process.execPath, ['app.js']);

  const { files } = JSON.parse(fs.readFileSync(path.join(app, 'cdk.out', 'Stack.assets.json'), 'utf8'));
  const assets = Object.values<any>(files).filter(({ source }) => source.packaging === 'zip');
  assert.equal(assets.length, Object.keys(ARTIFACTS).length);
  for (const { source, displayName } of assets) {
    const asset = path.join(app, 'cdk.out', source.path);
    if (/^Telemetry/.test(displayName)) {
      const extension = path.join(asset, 'extensions', 'telemetry-extension');
      assert.equal(fs.statSync(extension).mode & 0o111, 0o111);
      run(app, process.execPath, [path.join(REPOSITORY, 'scripts', 'check-extension.mjs'), extension]);
      continue;
    }
    const name = /^Metrics/.test(displayName) ? 'push-gateway' : 'query';
    assert.deepEqual(fs.readdirSync(asset), ['bootstrap']);
    run(app, process.execPath, [path.join(REPOSITORY, 'scripts', 'check-answers.mjs'), name, path.join(asset, 'bootstrap')]);
  }
});
