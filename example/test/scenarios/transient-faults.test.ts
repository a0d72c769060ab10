/** Faults that pass: the function itself gets over them, and the queue never hears of them. */

import assert from 'node:assert/strict';

import { readings } from '../support/events.js';
import { scenario } from '../support/scenario.js';

scenario('short faults of the receiver are got over within the invocation', [], async (run) => {
  const { control } = run.stack;
  const rounds = ['429:3', '500:2', 'reset:2'];
  const events = readings({ devices: 10, perDevice: 5 * rounds.length, intervalMs: 500, endMs: Date.now() });
  for (const [round, fault] of rounds.entries()) {
    const before = await control.figures();
    await control.setFaults(fault);
    await run.send(events.slice(round * 50, (round + 1) * 50));
    await run.settle();
    const { eventSource, amp } = await control.figures();
    const failures = Number(fault.split(':')[1]);
    assert.ok(amp.requests - before.amp.requests > failures, `${fault}: each failure was met, and then a success`);
    assert.deepEqual([eventSource.failedInvocations, eventSource.givenBack], [0, 0], fault);
  }
  const { errors } = await control.functionState();
  assert.equal(errors, 0);
});
