/** The npm package: what is in it, and that an app elsewhere can use it. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { ARCHITECTURE, FUNCTIONS, PACKAGE, REPOSITORY, newFolder, requireArtifacts, run } from './support';

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

test('the package holds the compiled constructs, their documents, the functions and their tools, and nothing else', () => {
  const files = packed.files.map(({ path: file }) => file);
  for (const file of ['.jsii', 'API.md', 'LICENSE', 'README.md', 'package.json', 'lib/index.js', 'lib/index.d.ts', 'assets/tools.json']) {
    assert.ok(files.includes(file), file);
  }
  const others = files.filter((file) => !/^(lib\/.*\.(js|d\.ts)|assets\/((arm64|x86_64)\/(push-gateway|query)\/bootstrap|tools\.json)|\.jsii|[A-Za-z]+\.(md|json)|LICENSE)$/.test(file));
  assert.deepEqual(others, []);
});

test('the functions in the package can be run', () => {
  for (const name of FUNCTIONS) {
    const bootstrap = packed.files.find(({ path: file }) => file === `assets/${ARCHITECTURE}/${name}/bootstrap`);
    assert.ok(bootstrap, `the function ${name} for ${ARCHITECTURE}`);
    assert.equal(bootstrap.mode & 0o111, 0o111);
  }
});

const APP = `
const { App, Stack } = require('aws-cdk-lib');
const lambda = require('aws-cdk-lib/aws-lambda');
const { PrometheusPushGateway, PrometheusQueryFunctions } = require('cdk-serverless-prometheus-push-gateway');

const stack = new Stack(new App({ outdir: 'cdk.out' }), 'Stack');
const architecture = lambda.Architecture.${ARCHITECTURE.toUpperCase()};
const { workspace } = new PrometheusPushGateway(stack, 'Metrics', { architecture });
new PrometheusQueryFunctions(stack, 'Queries', { workspace, architecture });
stack.node.root.synth();
`;

test('installed elsewhere, a new app synthesises, and its assets are functions that answer', () => {
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
  assert.equal(assets.length, FUNCTIONS.length);
  for (const { source, displayName } of assets) {
    const name = /^Metrics/.test(displayName) ? 'push-gateway' : 'query';
    const asset = path.join(app, 'cdk.out', source.path);
    assert.deepEqual(fs.readdirSync(asset), ['bootstrap']);
    run(app, process.execPath, [path.join(REPOSITORY, 'scripts', 'check-answers.mjs'), name, path.join(asset, 'bootstrap')]);
  }
});
