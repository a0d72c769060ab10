/** Many events in random order from several producers at once. */

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
const OPTIONS = ['--out-of-order-window', '600s', '--batch-size', '1000', '--batching-window', '1s'];

scenario('ten thousand events in random order from four producers all arrive, in order', OPTIONS, async (run) => {
  const options = { devices: DEVICES, perDevice: READINGS, intervalMs: INTERVAL_MS, endMs: Date.now() };
  const events = shuffled(readings(options), noise(10));
  run.ledger.note(events);
  const share = events.length / PRODUCERS;
  const shares = Array.from({ length: PRODUCERS }, (_, at) => events.slice(at * share, (at + 1) * share));
  await Promise.all(shares.map((part) => produceInProcess(run.stack.endpoints, part)));
  await run.settle(120_000);
});
