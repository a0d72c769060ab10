/** The file that `--endpoints` writes once the stack is ready. */

import { readFile } from 'node:fs/promises';

export interface Endpoints {
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  readonly lambda: {
    readonly endpoint: string;
    readonly functionName: string;
    readonly queryFunctionNames: readonly string[];
  };
  readonly sqs: { readonly endpoint: string; readonly queueUrl: string; readonly deadLetterQueueUrl: string };
  readonly http: { readonly functionUrl: string; readonly username: string; readonly password: string };
  readonly amp: { readonly endpoint: string; readonly remoteWriteUrl: string; readonly queryUrl: string };
  /** The Prometheus behind the workspace, if there is one. */
  readonly prometheus: { readonly url: string } | null;
  readonly control: string;
}

export async function readEndpoints(file: string): Promise<Endpoints> {
  return JSON.parse(await readFile(file, 'utf8')) as Endpoints;
}
