/**
 * An SQS endpoint over HTTP whose result for each entry of a SendMessageBatch call comes from a script. It records the
 * calls.
 */

import { createHash, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

import { SQSClient } from '@aws-sdk/client-sqs';

/** An entry of a received call. */
export interface Entry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
}

/** What becomes of an entry; `silence` leaves it out of the answer. */
export type Fate = 'sent' | 'sender fault' | 'service fault' | 'silence';

/** What becomes of a call's entries, or of the whole call. The first call has the number 0. */
export type Script = (entry: Entry, call: number) => Fate;

export class ScriptedSqs implements AsyncDisposable {
  readonly client: SQSClient;
  readonly queueUrl: string;
  readonly calls: readonly (readonly Entry[])[];
  readonly #server: Server;

  private constructor(server: Server, calls: Entry[][]) {
    const { port } = server.address() as AddressInfo;
    const endpoint = `http://127.0.0.1:${port}`;
    this.#server = server;
    this.calls = calls;
    this.queueUrl = `${endpoint}/123456789012/queue`;
    const credentials = { accessKeyId: 'scripted', secretAccessKey: 'scripted' };
    this.client = new SQSClient({ region: 'eu-west-1', endpoint, credentials, maxAttempts: 1 });
  }

  static async start(script: Script): Promise<ScriptedSqs> {
    const calls: Entry[][] = [];
    const server = createServer((request, response) => {
      void json(request).then((body) => {
        const { Entries } = body as { Entries: Entry[] };
        const call = calls.push(Entries) - 1;
        response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
        response.end(JSON.stringify(answer(Entries, (entry) => script(entry, call))));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new ScriptedSqs(server, calls);
  }

  /** The bodies of a call, in their order. */
  bodies(call: number): string[] {
    return (this.calls[call] ?? []).map((entry) => entry.MessageBody);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function answer(entries: readonly Entry[], fateOf: (entry: Entry) => Fate): object {
  const Successful: object[] = [];
  const Failed: object[] = [];
  for (const entry of entries) {
    const fate = fateOf(entry);
    const { Id, MessageBody } = entry;
    // The SDK checks the digest.
    const MD5OfMessageBody = createHash('md5').update(MessageBody).digest('hex');
    if (fate === 'sent') Successful.push({ Id, MessageId: `${randomUUID()} of ${MessageBody}`, MD5OfMessageBody });
    if (fate === 'sender fault')
      Failed.push({ Id, SenderFault: true, Code: 'InvalidMessageContents', Message: 'not so' });
    if (fate === 'service fault') Failed.push({ Id, SenderFault: false, Code: 'InternalError', Message: 'not now' });
  }
  return { Successful, Failed };
}
