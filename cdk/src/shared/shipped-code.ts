/** Finds the code that this package contains. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Problem } from './validate';

const NAME = 'cdk-serverless-prometheus-push-gateway';
const PACKAGE = path.join(__dirname, '..', '..');
const ASSETS = path.join(PACKAGE, 'assets');

const BUNDLED =
  `the files of ${NAME} are missing, because a bundler such as esbuild merged the library into the app; ` +
  `keep the library external (esbuild: --external:${NAME}) and install it where the app runs`;

/** The artifacts: each is a zip archive for each architecture, named after its crate. Values: how error texts name them. */
const ARTIFACTS = {
  'push-gateway': { title: 'function', file: 'bootstrap' },
  query: { title: 'function', file: 'bootstrap' },
  'telemetry-extension': { title: 'telemetry extension', file: 'extensions/telemetry-extension' },
} as const;

/** The name of an artifact. */
export type Artifact = keyof typeof ARTIFACTS;

/**
 * The code in this package, for functions and layers that an app defines itself. The documentation of each lists the
 * environment variables that it reads.
 *
 * @example
 * const own = new lambda.Function(this, 'Function', {
 *   runtime: lambda.Runtime.PROVIDED_AL2023,
 *   architecture: lambda.Architecture.ARM_64,
 *   handler: 'bootstrap',
 *   code: ShippedCode.pushGateway(lambda.Architecture.ARM_64),
 * });
 * new PrometheusPushGateway(this, 'Metrics', { function: own });
 */
export class ShippedCode {
  /**
   * The code of the push gateway's function, for the runtime `PROVIDED_AL2023`.
   *
   * @param architecture the architecture of the function
   */
  public static pushGateway(architecture: lambda.Architecture): lambda.Code {
    return checkedCode('push-gateway', architecture);
  }

  /**
   * The code of the query functions, for the runtime `PROVIDED_AL2023`. The handler is a value of `QueryOperation`.
   *
   * @param architecture the architecture of the function
   */
  public static query(architecture: lambda.Architecture): lambda.Code {
    return checkedCode('query', architecture);
  }

  /**
   * The telemetry extension, as the content of a layer.
   *
   * @param architecture the architecture of the functions that use the layer
   */
  public static telemetryExtension(architecture: lambda.Architecture): lambda.Code {
    return checkedCode('telemetry-extension', architecture);
  }

  private constructor() {}
}

function checkedCode(name: Artifact, architecture: lambda.Architecture): lambda.Code {
  const problem = artifactProblem(name, architecture);
  if (problem !== undefined) throw new Error(problem);
  return shippedCode(name, architecture);
}

/** The code of `name` for `architecture`. */
export function shippedCode(name: Artifact, architecture: lambda.Architecture): lambda.Code {
  // An archive keeps its file modes, whatever the umask was when the package was installed.
  return lambda.Code.fromAsset(archive(name, architecture));
}

/** The problem if the artifact `name` for `architecture` is missing. */
export function artifactProblem(name: Artifact, architecture: lambda.Architecture): Problem {
  if (fs.existsSync(archive(name, architecture))) return undefined;
  const { title, file } = ARTIFACTS[name];
  const code = `code: lambda.Code.fromAsset(<zip archive or folder with a file ${file}>)`;
  if (isBundled()) return `${BUNDLED}, or set ${code}`;
  const available = (['ARM_64', 'X86_64'] as const).filter((other) =>
    fs.existsSync(archive(name, lambda.Architecture[other])),
  );
  // The architecture of a layer is that of its function.
  const others = name === 'telemetry-extension' ? [] : available;
  const alternatives = others
    .map((other) => `architecture: lambda.Architecture.${other}, which is built, or `)
    .join('');
  return (
    `the ${title} for architecture ${architecture.name} is missing in ${ASSETS}; build it with "npm run build:lambda" ` +
    `in the repository of this package, or set ${alternatives}${code}`
  );
}

/** The file with the tool definitions of the query functions, or with the rules for the metrics of functions. */
export function shippedFile(name: 'tools.json' | 'functions.rules.yaml'): string {
  if (isBundled()) throw new Error(BUNDLED);
  return path.join(ASSETS, name);
}

function archive(name: Artifact, architecture: lambda.Architecture): string {
  return path.join(ASSETS, architecture.name, `${name}.zip`);
}

/** Whether this code runs outside its package. */
function isBundled(): boolean {
  const manifest = path.join(PACKAGE, 'package.json');
  return !fs.existsSync(manifest) || JSON.parse(fs.readFileSync(manifest, 'utf8')).name !== NAME;
}
