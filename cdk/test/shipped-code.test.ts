/** The functions that the package carries, or the error when it does not. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { PrometheusPushGateway, PrometheusQueryFunctions, QueryOperation } from 'cdk-serverless-prometheus-push-gateway';
import { PACKAGE, importedWorkspace, newStack, someCode } from './support';

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
