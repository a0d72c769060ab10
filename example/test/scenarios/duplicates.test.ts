/** At-least-once delivery: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html */

import assert from 'node:assert/strict';

import { readings } from '../support/events.js';
import { scenario } from '../support/scenario.js';

scenario('what is delivered twice changes nothing', [], async (run) => {
  const { control, workspace } = run.stack;
  const counts = (): Promise<Map<string, number>> => workspace.values('count_over_time(reading_number[1h])');
  const events = readings({ devices: 10, perDevice: 15, intervalMs: 1_000, endMs: Date.now() });

  // The receiver stores a request and its answer is lost, so the function sends the same request again.
  await control.setFaults('drop:3');
  await run.send(events);
  await run.settle();
  const before = await counts();
  assert.deepEqual([...before.values()], Array<number>(10).fill(15));
  const { amp } = await control.figures();

  // The same messages once more, and again some answers are lost.
  await control.setFaults('drop:2');
  await run.send(events);
  await run.settle();
  assert.deepEqual(await counts(), before);
  const after = await control.figures();
  assert.ok(after.amp.requests > amp.requests, 'the second round reached the receiver');
});
