/**
 * A producer as a process of its own: sends the messages that it is given and ends.
 *
 * In: one message from its parent with where and what. Out: exit code 0 once SQS has everything; it ends with its
 * parent in any case.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { SQSClient } from '@aws-sdk/client-sqs';

import { type Message, sendMessages } from '../../src/index.js';
import type { Endpoints } from './endpoints.js';

interface Order {
  readonly endpoints: Endpoints;
  readonly messages: readonly Message[];
}

/** Runs a producer to its end. */
export async function produceInProcess(endpoints: Endpoints, messages: readonly Message[]): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), { execArgv: [] });
  const exited = once(child, 'exit');
  child.send({ endpoints, messages } satisfies Order);
  const [code, signal] = await exited;
  if (code !== 0) throw new Error(`a producer ended with ${code ?? signal}`);
}

async function produce({ endpoints, messages }: Order): Promise<void> {
  const { region, credentials, sqs } = endpoints;
  const client = new SQSClient({ region, credentials, endpoint: sqs.endpoint });
  await sendMessages(client, sqs.queueUrl, messages);
  client.destroy();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.once('disconnect', () => process.exit(1));
  process.once('message', (order: Order) => {
    void produce(order).then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}
