/** The function that this package carries: an architecture → its code, or an error that says how to get it. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Problem } from './validate';

const ASSETS = path.join(__dirname, '..', '..', 'assets');

/** The code for `architecture`. */
export function shippedCode(architecture: lambda.Architecture): lambda.Code {
  return lambda.Code.fromAsset(path.join(ASSETS, architecture.name));
}

/** The artifact for `architecture` is there. */
export function artifactProblem(architecture: lambda.Architecture): Problem {
  if (hasArtifact(architecture.name)) return undefined;
  const others = [lambda.Architecture.ARM_64, lambda.Architecture.X86_64].filter(({ name }) => hasArtifact(name));
  const other = others.map(({ name }) => `architecture: lambda.Architecture.${name.toUpperCase()}, which is there, or `);
  return (
    `the function for architecture ${architecture.name} is missing in ${ASSETS}; build it with "npm run build:lambda" ` +
    `in the repository of this package, or set ${other.join('')}code: lambda.Code.fromAsset(<folder with a file bootstrap>)`
  );
}

function hasArtifact(architecture: string): boolean {
  return fs.existsSync(path.join(ASSETS, architecture, 'bootstrap'));
}
