/** A function that dies in the middle of its work, as a process of Lambda may at any time. */

import assert from 'node:assert/strict';
import process from 'node:process';

import { readings } from '../support/events.js';
import { scenario } from '../support/scenario.js';
import { waitFor } from '../support/wait.js';

const OPTIONS = ['--visibility-timeout', '8s', '--function-timeout', '5s'];

scenario('nothing is lost when the function is killed in the middle of a batch', OPTIONS, async (run) => {
  const { control } = run.stack;
  // The receiver does not answer, so the function is still at work when it dies.
  await control.setFaults('hang');
  await run.send(readings({ devices: 10, perDevice: 15, intervalMs: 1_000, endMs: Date.now() }));
  const state = await waitFor(
    'a function at work',
    () => control.functionState(),
    ({ processes }) => processes.some(({ busy }) => busy),
  );
  await waitFor('a write request', () => control.figures(), ({ amp }) => amp.requests > 0);
  const { pid } = state.processes.find(({ busy }) => busy) ?? assert.fail('no process is busy');
  process.kill(pid, 'SIGKILL');

  const figures = await waitFor(
    'the batch of the killed function to be given back',
    () => control.figures(),
    ({ eventSource }) => eventSource.failedInvocations > 0,
  );
  assert.ok(figures.queue.inFlight + figures.queue.visible > 0, JSON.stringify(figures));
  await control.setFaults();
  await run.settle();
});
