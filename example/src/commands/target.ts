/**
 * Where a command sends to.
 *
 * In: its options, and the files that they name: the outputs of a deployment, or the endpoints of the local stack.
 * Out: the one address that the door needs. An option wins over a file.
 */

import { readFile } from 'node:fs/promises';

/** The ways to the function. */
export const DOORS = ['queue', 'function', 'iot'] as const;
export type DoorName = (typeof DOORS)[number];

/** Options that every command has; `parseArgs` reads them. */
export const TARGET_OPTIONS = {
  via: { type: 'string', default: 'queue' },
  outputs: { type: 'string', default: 'outputs.json' },
  endpoints: { type: 'string' },
  'endpoint-url': { type: 'string' },
  'queue-url': { type: 'string' },
  'function-name': { type: 'string' },
  'iot-topic': { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

export const TARGET_HELP = `Where to:
  --via DOOR            queue, function or iot (default: queue)
  --outputs FILE        the outputs of the deployment, as "cdk deploy" writes them (default: outputs.json)
  --endpoints FILE      the local stack instead, by the file of "npm start -- --serve --endpoints FILE"
  --endpoint-url URL    the endpoint of the door's service, instead of AWS's or the local stack's
  --queue-url URL, --function-name NAME, --iot-topic TOPIC
                        instead of what the file says; <name> in a topic stands for the dimension of that name
`;

/** The values of {@link TARGET_OPTIONS}. */
export interface TargetOptions {
  readonly via: string;
  readonly outputs: string;
  readonly endpoints?: string;
  readonly 'endpoint-url'?: string;
  readonly 'queue-url'?: string;
  readonly 'function-name'?: string;
  readonly 'iot-topic'?: string;
}

/** What makes an AWS SDK client for the door, and the address that it sends to. */
export interface Target {
  readonly door: DoorName;
  /** A queue's URL, a function's name or a topic. */
  readonly address: string;
  /** What differs from the SDK's own look at environment and profile. */
  readonly client: {
    readonly region?: string;
    readonly endpoint?: string;
    readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
}

/** For each door: the option, the stack's output, and the place in the endpoints file. The local stack has no IoT Core. */
const ADDRESSES = {
  queue: { option: 'queue-url', output: 'QueueUrl', service: 'sqs', key: 'queueUrl' },
  function: { option: 'function-name', output: 'FunctionName', service: 'lambda', key: 'functionName' },
  iot: { option: 'iot-topic', output: 'IotTopic', service: 'iot', key: 'topic' },
} as const;

interface EndpointsFile {
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly [service: string]: unknown;
}

type OutputsFile = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** @throws if an option has no such value, or nothing names the address; the message says what to do */
export async function targetOf(options: TargetOptions): Promise<Target> {
  const door = DOORS.find((name) => name === options.via);
  if (door === undefined) throw new Error(`--via must be ${DOORS.join(', ')}, but is ${options.via}`);
  const { option, output, service, key } = ADDRESSES[door];
  const address = options[option];
  const endpoint = options['endpoint-url'];
  const given = endpoint === undefined ? {} : { endpoint };

  if (options.endpoints !== undefined) {
    const file = await readJson<EndpointsFile>(options.endpoints, 'start the local stack: npm start -- --serve --endpoints FILE');
    const { region, credentials } = file;
    const part = (file[service] ?? {}) as Readonly<Record<string, string>>;
    const named = address ?? part[key];
    const client = { region, credentials, ...(part['endpoint'] === undefined ? {} : { endpoint: part['endpoint'] }), ...given };
    if (named === undefined || client.endpoint === undefined) {
      throw new Error(`${options.endpoints} names no endpoint for ${door}; set --endpoint-url and --${option}, or choose another door`);
    }
    return { door, address: named, client };
  }
  if (address !== undefined) return { door, address, client: given };

  const outputs = await readJson<OutputsFile>(options.outputs, `deploy with "npx cdk deploy", or set --${option} or --endpoints`);
  const stack = Object.values(outputs).find((values) => values[output] !== undefined);
  if (stack === undefined) throw new Error(`${options.outputs} has no output ${output}; set --${option}`);
  // What is in the outputs is in their region, whatever the profile's is.
  const region = stack['Region'] === undefined ? {} : { region: stack['Region'] };
  return { door, address: stack[output] as string, client: { ...region, ...given } };
}

async function readJson<T>(file: string, advice: string): Promise<T> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T;
  } catch (error) {
    throw new Error(`cannot read ${file} (${(error as Error).message}); ${advice}`, { cause: error });
  }
}
