/** What the stack says of itself once it is up: the file that `--endpoints` names. */

import { readFile } from 'node:fs/promises';

export interface Endpoints {
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
  readonly lambda: { readonly endpoint: string; readonly functionName: string; readonly queryFunctionNames: readonly string[] };
  readonly sqs: { readonly endpoint: string; readonly queueUrl: string; readonly deadLetterQueueUrl: string };
  readonly amp: { readonly endpoint: string; readonly remoteWriteUrl: string; readonly queryUrl: string };
  /** What stands behind the workspace; `null` is the stack's own memory, which knows no PromQL. */
  readonly prometheus: { readonly url: string } | null;
  readonly control: string;
}

export async function readEndpoints(file: string): Promise<Endpoints> {
  return JSON.parse(await readFile(file, 'utf8')) as Endpoints;
}
