/** Many events in random order from several producers at once. */

import { encodeEvents, type Message, type PushEvent } from '../../src/index.js';
import { noise, readings, shuffled } from '../support/events.js';
import { produceInProcess } from '../support/producer-process.js';
import { scenario } from '../support/scenario.js';

const PRODUCERS = 4;
const DEVICES = 20;
const READINGS = 500;

/**
 * The readings of a device are 400 ms apart and cover 200 s. In random order any of them may arrive after any other,
 * so the workspace has to accept samples that are 200 s older than its newest, and more by the time that the queue
 * takes; its default of 60 s would refuse most of them. 600 s is the most that AMP offers:
 * https://docs.aws.amazon.com/prometheus/latest/userguide/AMP_quotas.html
 */
const INTERVAL_MS = 400;
const OPTIONS = ['--out-of-order-window', '600s'];

/** Events in a message, at most: a busy producer packs several into one, and a gateway has to cope with any number. */
const MOST_EVENTS = 20;

scenario('ten thousand events in random order from four producers all arrive, in order', OPTIONS, async (run) => {
  const random = noise(10);
  const options = { devices: DEVICES, perDevice: READINGS, intervalMs: INTERVAL_MS, endMs: Date.now() };
  const events = shuffled(readings(options), random);
  run.ledger.note(events);
  const messages = packed(events, random);
  const share = Math.ceil(messages.length / PRODUCERS);
  const shares = Array.from({ length: PRODUCERS }, (_, at) => messages.slice(at * share, (at + 1) * share));
  await Promise.all(shares.map((part) => produceInProcess(run.stack.endpoints, part)));
  await run.settle(120_000);
});

function packed(events: readonly PushEvent[], random: () => number): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < events.length; ) {
    const count = 1 + Math.floor(random() * MOST_EVENTS);
    messages.push({ body: encodeEvents(events.slice(at, at + count)) });
    at += count;
  }
  return messages;
}
