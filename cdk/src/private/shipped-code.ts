/** The functions that this package carries: a name and an architecture → the code, or an error that says how to get it. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Problem } from './validate';

/** What the package carries beside compiled code. */
export const ASSETS = path.join(__dirname, '..', '..', 'assets');

/** The functions, as their crates are named. */
export type ShippedFunction = 'push-gateway' | 'query';

/** The code of `name` for `architecture`. */
export function shippedCode(name: ShippedFunction, architecture: lambda.Architecture): lambda.Code {
  return lambda.Code.fromAsset(path.join(ASSETS, architecture.name, name));
}

/** The artifact of `name` for `architecture` is there. */
export function artifactProblem(name: ShippedFunction, architecture: lambda.Architecture): Problem {
  if (hasArtifact(name, architecture)) return undefined;
  const others = [lambda.Architecture.ARM_64, lambda.Architecture.X86_64].filter((other) => hasArtifact(name, other));
  const other = others.map((there) => `architecture: lambda.Architecture.${there.name.toUpperCase()}, which is there, or `);
  return (
    `the function for architecture ${architecture.name} is missing in ${ASSETS}; build it with "npm run build:lambda" ` +
    `in the repository of this package, or set ${other.join('')}code: lambda.Code.fromAsset(<folder with a file bootstrap>)`
  );
}

function hasArtifact(name: ShippedFunction, architecture: lambda.Architecture): boolean {
  return fs.existsSync(path.join(ASSETS, architecture.name, name, 'bootstrap'));
}
