/**
 * One scenario: a stack of its own, events that go through it, and a ledger that must balance at the end.
 *
 * In: options of the stack and what is to be done. Out: a test that prints its balance as one line, and the stack's
 * own words if it fails.
 */

import { test, type TestContext } from 'node:test';

import { encodeEvents, type Message, type PushEvent, sendEvents, sendMessages } from '../../src/index.js';
import { Ledger, type Poison } from './ledger.js';
import { messageCount } from './queues.js';
import { Stack } from './stack.js';
import { waitFor } from './wait.js';

/** No scenario may hang for longer than this. Far more than one takes, for machines that are busy. */
const TIMEOUT_MS = 900_000;

/** A message that must end in the dead-letter queue, before it is sent. */
export type UnsentPoison = Omit<Poison, 'messageId' | 'body'> & { readonly message: Message };

function isPoison(item: PushEvent | UnsentPoison): item is UnsentPoison {
  return 'message' in item;
}

export class Scenario {
  readonly stack: Stack;
  readonly ledger = new Ledger();

  constructor(stack: Stack) {
    this.stack = stack;
  }

  /** Sends each event as one message. */
  async send(events: readonly PushEvent[]): Promise<void> {
    this.ledger.note(events);
    await sendEvents(this.stack.sqs, this.stack.endpoints.sqs.queueUrl, events);
  }

  /** Sends events and poison in this order. With `groupOf`, to a FIFO queue. */
  async sendMixed(items: readonly (PushEvent | UnsentPoison)[], groupOf?: (event: PushEvent) => string): Promise<void> {
    const messages = items.map((item): Message => {
      if (isPoison(item)) return item.message;
      const body = encodeEvents(item);
      return groupOf === undefined ? { body } : { body, groupId: groupOf(item) };
    });
    const ids = await sendMessages(this.stack.sqs, this.stack.endpoints.sqs.queueUrl, messages);
    items.forEach((item, at) => {
      const messageId = ids[at] as string;
      if (!isPoison(item)) this.ledger.note([item]);
      else {
        const { message, ...verdict } = item;
        this.ledger.notePoison({ ...verdict, messageId, body: message.body });
      }
    });
  }

  /** Waits until nothing is in the queue any more, neither waiting nor received by anyone. */
  async settle(deadlineMs = 240_000): Promise<void> {
    const { sqs, endpoints } = this.stack;
    const count = (): Promise<number> => messageCount(sqs, endpoints.sqs.queueUrl);
    await waitFor('the queue to be empty', count, (messages) => messages === 0, deadlineMs);
  }
}

/**
 * Defines a scenario.
 *
 * @param name a sentence of behaviour
 * @param options further options of `push-gateway-local serve`
 */
export function scenario(
  name: string,
  options: readonly string[],
  body: (scenario: Scenario, context: TestContext) => Promise<void>,
): void {
  void test(name, { timeout: TIMEOUT_MS }, async (context) => {
    await using stack = await Stack.start(options);
    const run = new Scenario(stack);
    try {
      await body(run, context);
      context.diagnostic(await run.ledger.assertBalanced(stack));
    } catch (error) {
      context.diagnostic(`the stack's own words:\n${stack.output}`);
      throw error;
    }
  });
}
