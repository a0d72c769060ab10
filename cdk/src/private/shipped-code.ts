/** What this package carries for Lambda: a name and an architecture → the code, or an error that says how to get it. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Problem } from './validate';

/** What the package carries beside compiled code. */
export const ASSETS = path.join(__dirname, '..', '..', 'assets');

/** The functions, as their crates are named. */
export type ShippedFunction = 'push-gateway' | 'query';

/** What is built for Lambda: the file below the folder that is its code. */
const FILES: Record<ShippedFunction | 'telemetry-extension', string> = {
  'push-gateway': 'bootstrap',
  query: 'bootstrap',
  // Lambda starts what is in this folder of a layer: https://docs.aws.amazon.com/lambda/latest/dg/extensions-registration.html
  'telemetry-extension': path.join('extensions', 'telemetry-extension'),
};

/** The code of `name` for `architecture`. */
export function shippedCode(name: keyof typeof FILES, architecture: lambda.Architecture): lambda.Code {
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

/** The extension for `architecture`, which is that of a function, is there. */
export function layerProblem(architecture: lambda.Architecture): Problem {
  if (hasArtifact('telemetry-extension', architecture)) return undefined;
  return (
    `the telemetry extension for architecture ${architecture.name} is missing in ${ASSETS}; build it with "npm run build:lambda" ` +
    'in the repository of this package, or set code: lambda.Code.fromAsset(<folder with a file extensions/telemetry-extension>)'
  );
}

function hasArtifact(name: keyof typeof FILES, architecture: lambda.Architecture): boolean {
  return fs.existsSync(path.join(ASSETS, architecture.name, name, FILES[name]));
}
