/**
 * Finds the address of a channel from the options of a command, the outputs of a deployment, or the endpoints of the local
 * stack. Options take precedence.
 */

import { readFile } from 'node:fs/promises';

/** The ways to send events to the gateway. */
export const CHANNELS = ['queue', 'function', 'iot'] as const;
export type ChannelName = (typeof CHANNELS)[number];

/** The options of every command, for `parseArgs`. */
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

export const TARGET_HELP = `Target:
  --via CHANNEL         queue, function or iot (default: queue)
  --outputs FILE        outputs of the deployment, as "cdk deploy" writes them (default: outputs.json)
  --endpoints FILE      endpoints of the local stack, from "npm start -- --serve --endpoints FILE"
  --endpoint-url URL    endpoint of the service, instead of that of AWS or the local stack
  --queue-url URL, --function-name NAME, --iot-topic TOPIC
                        address; <name> in a topic is replaced by the dimension of that name
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

/** The address of a channel, and settings of the AWS SDK client for it. */
export interface Target {
  readonly channel: ChannelName;
  /** A queue URL, function name or topic. */
  readonly address: string;
  /** Settings that replace those of the environment and profile. */
  readonly client: {
    readonly region?: string;
    readonly endpoint?: string;
    readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
}

/** For each channel the option, the output of the stack, and the key in the endpoints file. The local stack has no IoT Core. */
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

/** @throws if an option is invalid or the address is unknown; the message names the options to set */
export async function targetOf(options: TargetOptions): Promise<Target> {
  const channel = CHANNELS.find((name) => name === options.via);
  if (channel === undefined) throw new Error(`--via: expected ${CHANNELS.join(', ')}, got ${options.via}`);
  const { option, output, service, key } = ADDRESSES[channel];
  const address = options[option];
  const endpoint = options['endpoint-url'];
  const given = endpoint === undefined ? {} : { endpoint };

  if (options.endpoints !== undefined) {
    const file = await readJson<EndpointsFile>(
      options.endpoints,
      'start the local stack: npm start -- --serve --endpoints FILE',
    );
    const { region, credentials } = file;
    const part = (file[service] ?? {}) as Readonly<Record<string, string>>;
    const named = address ?? part[key];
    const client = {
      region,
      credentials,
      ...(part['endpoint'] === undefined ? {} : { endpoint: part['endpoint'] }),
      ...given,
    };
    if (named === undefined || client.endpoint === undefined) {
      throw new Error(
        `${options.endpoints} has no endpoint for ${channel}; set --endpoint-url and --${option}, or another --via`,
      );
    }
    return { channel, address: named, client };
  }
  if (address !== undefined) return { channel, address, client: given };

  const outputs = await readJson<OutputsFile>(
    options.outputs,
    `deploy with "npx cdk deploy", or set --${option} or --endpoints`,
  );
  const stack = Object.values(outputs).find((values) => values[output] !== undefined);
  if (stack === undefined) throw new Error(`${options.outputs} has no output ${output}; set --${option}`);
  // The resources are in the region of the outputs, whatever the profile has.
  const region = stack['Region'] === undefined ? {} : { region: stack['Region'] };
  return { channel, address: stack[output] as string, client: { ...region, ...given } };
}

async function readJson<T>(file: string, advice: string): Promise<T> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T;
  } catch (error) {
    throw new Error(`cannot read ${file} (${(error as Error).message}); ${advice}`, { cause: error });
  }
}
