/**
 * A FIFO queue: within a group nothing is delivered before what came earlier.
 * README, "What becomes of an event"; https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */

import assert from 'node:assert/strict';

import type { PushEvent } from '../../src/index.js';
import { readings } from '../support/events.js';
import { scenario, type UnsentPoison } from '../support/scenario.js';
import { seriesName } from '../support/series.js';
import { waitFor } from '../support/wait.js';

/**
 * Without an out-of-order window the workspace itself refuses a sample that comes after a later one of its series, and
 * the message would become a dead letter.
 */
const STRICT_ORDER = ['--fifo', '--out-of-order-window', '0s'];

const GROUPS = 4;
const READINGS = 30;
const groupOf = (event: PushEvent): string => event.dimensions['device'] as string;

const eventsByTime = (): PushEvent[] =>
  readings({ devices: GROUPS, perDevice: READINGS, intervalMs: 500, endMs: Date.now() });

/** Breaks the format, in the middle of a group. */
const poisonOf = (group: string, number: number): UnsentPoison => ({
  message: { body: `not an event, number ${number} of ${group}`, groupId: group },
  reason: 'invalid',
});

const IN_BATCHES = [...STRICT_ORDER, '--max-concurrency', '2'];

scenario('the order of a group holds in batches of several messages', IN_BATCHES, async (run) => {
  const { control } = run.stack;
  const events = eventsByTime();
  const half = events.length / 2;
  // The first answers take their time, so that messages gather behind them; the next requests are to be sent again.
  await control.setFaults('slow=1s:2', '503:2');
  await run.sendMixed([...events.slice(0, half), poisonOf('device-1', 0), ...events.slice(half)], groupOf);
  await run.settle();
  const { eventSource } = await control.figures();
  assert.ok(eventSource.invocations < eventSource.received / 2, `no batches: ${JSON.stringify(eventSource)}`);
  assert.equal(eventSource.givenBack, 0);
});

/**
 * moto shows the last of several messages of a group first when they become visible again together; SQS does not.
 * One at a time there is only one order. Batches of several are held to it by the tests of the function.
 */
const ONE_BY_ONE = [
  ...[...STRICT_ORDER, '--batch-size', '1'],
  ...['--visibility-timeout', '6s', '--function-timeout', '3s', '--max-receive-count', '100'],
];

scenario('the order of a group holds when messages are given back, and holds up no other', ONE_BY_ONE, async (run) => {
  const { control, workspace } = run.stack;
  const events = eventsByTime();
  const round = (from: number, to: number): PushEvent[] => events.slice(from * GROUPS, to * GROUPS);
  const counts = async (): Promise<number[]> => {
    const found = await workspace.values('count_over_time(reading_number[1h])');
    const nameOf = (group: number): string => seriesName({ device: `device-${group}`, site: 'north' });
    return Array.from({ length: GROUPS }, (_, group) => found.get(nameOf(group)) ?? 0);
  };

  await run.sendMixed([...round(0, 5), poisonOf('device-1', 0), ...round(5, 10)], groupOf);
  await run.settle();

  await control.setFaults('503@device=device-1');
  const before = await control.figures();
  await run.sendMixed([...round(10, 15), poisonOf('device-1', 1), poisonOf('device-2', 0), ...round(15, 20)], groupOf);
  await waitFor(
    'messages to be given back',
    () => control.figures(),
    ({ eventSource }) => eventSource.givenBack > before.eventSource.givenBack,
  );
  const areOthersWritten = (written: number[]): boolean => written.join() === '20,10,20,20';
  await waitFor('all groups but device-1 to be written', counts, areOthersWritten);
  await run.sendMixed(round(20, READINGS), groupOf);
  await control.setFaults();
  await run.settle();
});
