/** What this package carries for Lambda: a name and an architecture → the code, or an error that says how to get it. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Problem } from './validate';

const NAME = 'cdk-serverless-prometheus-push-gateway';
const PACKAGE = path.join(__dirname, '..', '..');
const ASSETS = path.join(PACKAGE, 'assets');

const BUNDLED =
  `the files of ${NAME} are not beside its code, because a bundler such as esbuild has merged it into the app; ` +
  `the library must stay external (esbuild: --external:${NAME}) and be installed where the app runs`;

/** The functions, as their crates are named. */
export type ShippedFunction = 'push-gateway' | 'query';

/** The functions and the extension, each a zip archive for each architecture. */
export type ShippedCode = ShippedFunction | 'telemetry-extension';

/** The code of `name` for `architecture`. */
export function shippedCode(name: ShippedCode, architecture: lambda.Architecture): lambda.Code {
  // An archive keeps its modes, whatever the umask was when the package was installed.
  return lambda.Code.fromAsset(archive(name, architecture));
}

/** The artifact of `name` for `architecture` is there. */
export function artifactProblem(name: ShippedFunction, architecture: lambda.Architecture): Problem {
  if (fs.existsSync(archive(name, architecture))) return undefined;
  if (isBundled()) return `${BUNDLED}, or set code: lambda.Code.fromAsset(<zip archive or folder with a file bootstrap>)`;
  const others = (['ARM_64', 'X86_64'] as const).filter((other) => fs.existsSync(archive(name, lambda.Architecture[other])));
  const other = others.map((there) => `architecture: lambda.Architecture.${there}, which is there, or `);
  return (
    `the function for architecture ${architecture.name} is missing in ${ASSETS}; build it with "npm run build:lambda" ` +
    `in the repository of this package, or set ${other.join('')}code: lambda.Code.fromAsset(<zip archive or folder with a file bootstrap>)`
  );
}

/** The extension for `architecture`, which is that of a function, is there. */
export function layerProblem(architecture: lambda.Architecture): Problem {
  const way = 'or set code: lambda.Code.fromAsset(<zip archive or folder with a file extensions/telemetry-extension>)';
  if (fs.existsSync(archive('telemetry-extension', architecture))) return undefined;
  if (isBundled()) return `${BUNDLED}, ${way}`;
  return (
    `the telemetry extension for architecture ${architecture.name} is missing in ${ASSETS}; build it with "npm run build:lambda" ` +
    `in the repository of this package, ${way}`
  );
}

/** The definitions of the query functions as tools. */
export function toolsFile(): string {
  if (isBundled()) throw new Error(BUNDLED);
  return path.join(ASSETS, 'tools.json');
}

function archive(name: ShippedCode, architecture: lambda.Architecture): string {
  return path.join(ASSETS, architecture.name, `${name}.zip`);
}

/** Whether this code runs elsewhere than in its package. */
function isBundled(): boolean {
  const manifest = path.join(PACKAGE, 'package.json');
  return !fs.existsSync(manifest) || JSON.parse(fs.readFileSync(manifest, 'utf8')).name !== NAME;
}
