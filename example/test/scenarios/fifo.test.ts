/**
 * A FIFO queue: within a group nothing is delivered before what came earlier.
 * README, "What becomes of an event"; https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */

import type { PushEvent } from '../../src/index.js';
import { readings } from '../support/events.js';
import { scenario, type UnsentPoison } from '../support/scenario.js';
import { waitFor } from '../support/wait.js';

/**
 * Without an out-of-order window the workspace itself refuses a sample that comes after a later one of its series, and
 * the message would become a dead letter.
 */
const OPTIONS = [
  ...['--fifo', '--out-of-order-window', '0s'],
  // moto shows the last of several messages of a group first when they become visible again together; SQS does not.
  // One at a time there is only one order. Batches of several are held to it by the tests of the function.
  ...['--batch-size', '1'],
  ...['--visibility-timeout', '6s', '--function-timeout', '3s', '--max-receive-count', '100'],
];

const GROUPS = 4;
const groupOf = (event: PushEvent): string => event.dimensions['device'] as string;

/** Breaks the format, in the middle of a group. */
const poisonOf = (group: string, number: number): UnsentPoison => ({
  message: { body: `not an event, number ${number} of ${group}`, groupId: group },
  reason: 'invalid',
});

scenario('the order of a group holds across failures and poison', OPTIONS, async (run) => {
  const { control } = run.stack;
  const events = readings({ devices: GROUPS, perDevice: 30, intervalMs: 500, endMs: Date.now() });
  const round = (from: number, to: number): PushEvent[] => events.slice(from * GROUPS, to * GROUPS);

  await run.sendMixed([...round(0, 5), poisonOf('device-1', 0), ...round(5, 10)], groupOf);
  await run.settle();

  // Requests that hold anything of one group fail for now, and with them whatever travels together with it.
  await control.setFaults('503@device=device-1');
  await run.sendMixed([...round(10, 15), poisonOf('device-1', 1), poisonOf('device-2', 0), ...round(15, 20)], groupOf);
  const givenBack = await control.figures();
  await waitFor(
    'messages to be given back',
    () => control.figures(),
    ({ eventSource }) => eventSource.givenBack > givenBack.eventSource.givenBack,
  );
  await run.sendMixed(round(20, 30), groupOf);
  await control.setFaults();
  await run.settle(90_000);
});
