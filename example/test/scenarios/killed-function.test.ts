/** A function that is killed during an invocation. */

import assert from 'node:assert/strict';
import process from 'node:process';

import { readings } from '../support/events.js';
import { messageCount } from '../support/queues.js';
import { assertStored, scenario, send, settle } from '../support/scenario.js';
import { waitFor } from '../support/wait.js';

const OPTIONS = ['--visibility-timeout', '8s', '--function-timeout', '5s'];

scenario('a killed function loses no event of its batch', OPTIONS, async (stack) => {
  const { control, sqs, endpoints } = stack;
  const events = readings({ devices: 10, perDevice: 15, intervalMs: 1_000, endMs: Date.now() });
  // The receiver does not respond, so the function is still busy when it is killed.
  await control.setFaults('hang');
  await send(stack, events);
  const state = await waitFor(
    'a busy function',
    () => control.functionState(),
    ({ processes }) => processes.some(({ busy }) => busy),
  );
  await waitFor(
    'a write request',
    () => control.figures(),
    ({ amp }) => amp.requests > 0,
  );
  const { pid } = state.processes.find(({ busy }) => busy) ?? assert.fail('no process is busy');
  process.kill(pid, 'SIGKILL');

  const figures = await waitFor(
    'the batch of the killed function to return to the queue',
    () => control.figures(),
    ({ eventSource }) => eventSource.failedInvocations > 0,
  );
  assert.ok(figures.queue.inFlight + figures.queue.visible > 0, JSON.stringify(figures));
  await control.setFaults();
  await settle(stack);
  await assertStored(stack, events);
  assert.equal(await messageCount(sqs, endpoints.sqs.deadLetterQueueUrl), 0);
});
