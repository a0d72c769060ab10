/** The functions and the extension that the package carries, or the error when it does not. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import {
  PrometheusPushGateway,
  PrometheusQueryFunctions,
  PrometheusTelemetryExtension,
  QueryOperation,
  TelemetryDestination,
} from 'cdk-serverless-prometheus-push-gateway';
import { PACKAGE, importedWorkspace, newStack, someCode, someFunction } from './support';

const ARCHITECTURES = [lambda.Architecture.ARM_64, lambda.Architecture.X86_64];

/** By the folder that it is built into: what runs it, the identifier of that, and the function's handler. */
const FUNCTIONS: Record<string, { id: string; handler: string; make: (stack: Stack, architecture: lambda.Architecture) => void }> = {
  'push-gateway': {
    id: 'Metrics',
    handler: 'bootstrap',
    make: (stack, architecture) => void new PrometheusPushGateway(stack, 'Metrics', { architecture }),
  },
  query: {
    id: 'Queries',
    handler: 'query',
    make: (stack, architecture) =>
      void new PrometheusQueryFunctions(stack, 'Queries', {
        workspace: importedWorkspace(stack),
        architecture,
        operations: [QueryOperation.QUERY],
      }),
  },
};

for (const [name, { id, handler, make }] of Object.entries(FUNCTIONS)) {
  const built = ARCHITECTURES.filter((architecture) => fs.existsSync(path.join(PACKAGE, 'assets', architecture.name, name, 'bootstrap')));

  test(`the function ${name} is built for one architecture at least`, () => {
    assert.notEqual(built.length, 0, 'build it with: npm run build:lambda');
  });

  for (const architecture of ARCHITECTURES) {
    const template = () => {
      const stack = newStack();
      make(stack, architecture);
      return Template.fromStack(stack);
    };
    if (built.includes(architecture)) {
      test(`${name} for ${architecture.name} is the function that was built for it`, () => {
        template().hasResourceProperties('AWS::Lambda::Function', { Architectures: [architecture.name], Handler: handler });
      });
    } else {
      test(`fails if ${name} for ${architecture.name} was not built, with the command and the ways out`, () => {
        assert.throws(template, (error: Error) => {
          assert.ok(error.message.startsWith(`Stack/${id}: the function for architecture ${architecture.name} is missing in `));
          assert.match(error.message, /; build it with "npm run build:lambda" in the repository of this package, or set architecture: /);
          assert.match(error.message, / or code: lambda\.Code\.fromAsset\(<folder with a file bootstrap>\)$/);
          return true;
        });
      });
    }
  }
}

const EXTENSION = path.join('extensions', 'telemetry-extension');
const outdir = fs.mkdtempSync(path.join(os.tmpdir(), 'layers-'));
after(() => fs.rmSync(outdir, { recursive: true }));

/** A function of `architecture` with the extension that the package carries; the folder that its layer is zipped from. */
function layerFolder(architecture: lambda.Architecture): string {
  const stack = new Stack(new App({ outdir: path.join(outdir, architecture.name) }), 'Stack');
  const destination = TelemetryDestination.workspace(importedWorkspace(stack));
  new PrometheusTelemetryExtension(stack, 'Telemetry', { destination }).addTo(someFunction(stack, 'Fn', { architecture }));
  const { directory } = (stack.node.root as App).synth();
  const { files } = JSON.parse(fs.readFileSync(path.join(directory, 'Stack.assets.json'), 'utf8'));
  const [layer, ...others] = Object.values<any>(files).filter(({ source }) => source.packaging === 'zip');
  assert.deepEqual(others, []);
  return path.join(directory, layer.source.path);
}

const builtExtensions = ARCHITECTURES.filter(({ name }) => fs.existsSync(path.join(PACKAGE, 'assets', name, 'telemetry-extension', EXTENSION)));

test('the telemetry extension is built for one architecture at least', () => {
  assert.notEqual(builtExtensions.length, 0, 'build it with: npm run build:lambda');
});

for (const architecture of ARCHITECTURES) {
  if (builtExtensions.includes(architecture)) {
    /** "Registration": Lambda starts every executable file in /opt/extensions. The zip gets the modes of the folder. */
    test(`the layer for ${architecture.name} is the extension that was built for it, where Lambda looks and with its run bit`, () => {
      const folder = layerFolder(architecture);
      assert.deepEqual(fs.readdirSync(folder, { recursive: true }), ['extensions', EXTENSION]);
      const file = path.join(folder, EXTENSION);
      assert.equal(fs.statSync(file).mode & 0o777, 0o755);
      assert.ok(fs.statSync(file).size <= 6_000_000);
      // ELF, and its machine: 62 is x86-64, 183 is AArch64.
      const head = fs.readFileSync(file).subarray(0, 20);
      assert.equal(head.toString('latin1', 1, 4), 'ELF');
      assert.equal(head.readUInt16LE(18), architecture === lambda.Architecture.X86_64 ? 62 : 183);
    });
  } else {
    test(`fails if the extension for ${architecture.name} was not built, with the command and the way out`, () => {
      assert.throws(() => layerFolder(architecture), (error: Error) => {
        assert.ok(error.message.startsWith(`Stack/Telemetry: the telemetry extension for architecture ${architecture.name} is missing in `));
        assert.match(error.message, /; build it with "npm run build:lambda" in the repository of this package, or set code: /);
        return true;
      });
    });
  }
}

test('a function that is given is not asked for an artifact', () => {
  const stack = newStack();
  const fn = new lambda.Function(stack, 'Own', {
    architecture: lambda.Architecture.ARM_64,
    code: someCode(),
    handler: 'bootstrap',
    runtime: lambda.Runtime.PROVIDED_AL2023,
  });
  assert.doesNotThrow(() => new PrometheusPushGateway(stack, 'Metrics', { function: fn }));
});
