/** Runs a test on its own local stack. */

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import { type PushEvent, sendEvents } from '../../src/index.js';
import { messageCount } from './queues.js';
import { type Sample, samplesOf } from './series.js';
import { Stack } from './stack.js';
import { waitFor } from './wait.js';

/** Far more than a scenario takes, for busy machines. */
const TIMEOUT_MS = 900_000;

/** Longer than any age that the receiver accepts, so that samples which it should have rejected are found. */
const RANGE = '3h';

/**
 * Defines a test that starts a stack, and prints the output of the stack if it fails.
 *
 * @param options further options of `push-gateway-local serve`
 */
export function scenario(
  name: string,
  options: readonly string[],
  body: (stack: Stack, context: TestContext) => Promise<void>,
): void {
  void test(name, { timeout: TIMEOUT_MS }, async (context) => {
    await using stack = await Stack.start(options);
    try {
      await body(stack, context);
    } catch (error) {
      context.diagnostic(`output of the stack:\n${stack.output}`);
      throw error;
    }
  });
}

/** Sends each event to the queue as one message. */
export async function send({ sqs, endpoints }: Stack, events: readonly PushEvent[]): Promise<void> {
  await sendEvents(sqs, endpoints.sqs.queueUrl, events);
}

/** Waits until the queue has no messages, visible or in flight. */
export async function settle({ sqs, endpoints }: Stack): Promise<void> {
  const count = (): Promise<number> => messageCount(sqs, endpoints.sqs.queueUrl);
  await waitFor('the queue to be empty', count, (messages) => messages === 0, 240_000);
}

/** Asserts that Prometheus has every sample of `events`, and no others. */
export async function assertStored({ workspace }: Stack, events: readonly PushEvent[]): Promise<void> {
  assert.deepEqual(await workspace.samples(`{__name__=~".+"}[${RANGE}]`), samplesBySeries(events));
}

/** The samples of `events`, which are in order of time, by series. */
export function samplesBySeries(events: readonly PushEvent[]): Map<string, Sample[]> {
  const samples = new Map<string, Sample[]>();
  for (const { series, ...sample } of events.flatMap(samplesOf)) {
    samples.set(series, [...(samples.get(series) ?? []), sample]);
  }
  return samples;
}
