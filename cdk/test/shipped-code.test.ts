/** The function that the package carries, or the error when it does not. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { PrometheusPushGateway } from 'cdk-serverless-prometheus-push-gateway';
import { PACKAGE, newStack } from './support';

const ARCHITECTURES = [lambda.Architecture.ARM_64, lambda.Architecture.X86_64];
const built = ARCHITECTURES.filter(({ name }) => fs.existsSync(path.join(PACKAGE, 'assets', name, 'bootstrap')));

test('the function is built for one architecture at least', () => {
  assert.notEqual(built.length, 0, 'build it with: npm run build:lambda');
});

for (const architecture of ARCHITECTURES) {
  const make = () => {
    const stack = newStack();
    new PrometheusPushGateway(stack, 'Metrics', { architecture });
    return Template.fromStack(stack);
  };
  if (built.includes(architecture)) {
    test(`a gateway for ${architecture.name} runs the function that was built for it`, () => {
      make().hasResourceProperties('AWS::Lambda::Function', { Architectures: [architecture.name], Handler: 'bootstrap' });
    });
  } else {
    test(`fails if the function for ${architecture.name} was not built, with the command and the ways out`, () => {
      assert.throws(make, (error: Error) => {
        assert.ok(error.message.startsWith(`Stack/Metrics: the function for architecture ${architecture.name} is missing in `));
        assert.match(error.message, /; build it with "npm run build:lambda" in the repository of this package, or set architecture: /);
        assert.match(error.message, / or code: lambda\.Code\.fromAsset\(<folder with a file bootstrap>\)$/);
        return true;
      });
    });
  }
}

test('a function that is given is not asked for an artifact', () => {
  const stack = newStack();
  const fn = new lambda.Function(stack, 'Own', {
    architecture: lambda.Architecture.ARM_64,
    code: lambda.Code.fromAsset(path.join(PACKAGE, 'test', 'fixtures', 'function')),
    handler: 'bootstrap',
    runtime: lambda.Runtime.PROVIDED_AL2023,
  });
  assert.doesNotThrow(() => new PrometheusPushGateway(stack, 'Metrics', { function: fn }));
});
