/** A receiver that is away for a while. */

import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import { readings } from '../support/events.js';
import { scenario } from '../support/scenario.js';
import { waitFor } from '../support/wait.js';

const SECONDS_DOWN = 20;

/**
 * What is given back comes again after the visibility time-out. Each time counts as a receive, and the queue's own
 * redrive must not take the outage for the messages' fault.
 */
const OPTIONS = ['--visibility-timeout', '12s', '--function-timeout', '5s', '--max-receive-count', '100'];

scenario('what is sent while the receiver is down is delivered when it is back', OPTIONS, async (run) => {
  const { control } = run.stack;
  const now = Date.now();
  const events = readings({ devices: 10, perDevice: SECONDS_DOWN + 10, intervalMs: 500, endMs: now });
  const seconds = Array.from({ length: SECONDS_DOWN + 10 }, (_, second) => events.slice(second * 10, (second + 1) * 10));

  await run.send(seconds.slice(0, 5).flat());
  await run.settle();
  await control.setReceiver('down');
  for (const second of seconds.slice(5, 5 + SECONDS_DOWN)) {
    await run.send(second);
    await delay(1_000);
  }
  const { eventSource } = await control.figures();
  assert.ok(eventSource.givenBack > 0, `nothing was given back during the outage: ${JSON.stringify(eventSource)}`);
  await control.setReceiver('up');
  await run.send(seconds.slice(5 + SECONDS_DOWN).flat());
  await run.settle();
  await waitFor('no dead letters', () => control.figures(), ({ deadLetters }) => deadLetters === 0);
});
