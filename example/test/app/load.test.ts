/** The load generator with a simulated clock. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Channel, Outcome } from '../../src/commands/channel.js';
import type { PushEvent } from '../../src/index.js';
import { checkPlan, eventAt, eventCount, type LoadPlan } from '../../src/load/events.js';
import { generateLoad, type LoadClock } from '../../src/load/generate.js';
import { progressBar, summary } from '../../src/load/progress.js';

const PLAN: LoadPlan = { rate: 100, durationMs: 2_000, devices: 4, startMs: 1_676_398_017_000 };

/** A clock that advances only while the generator waits. */
function steppedClock(): LoadClock & { readonly waits: number[] } {
  const waits: number[] = [];
  let nowMs = 0;
  const wait = async (ms: number): Promise<void> => {
    waits.push(ms);
    nowMs += ms;
  };
  return { waits, wait, now: () => nowMs };
}

function channel(
  send: (events: readonly PushEvent[]) => Outcome | Promise<Outcome>,
  eventsPerCall = 10,
): Channel & { readonly calls: (readonly PushEvent[])[] } {
  const calls: (readonly PushEvent[])[] = [];
  return {
    calls,
    eventsPerCall,
    send: async (events) => {
      calls.push(events);
      return send(events);
    },
  };
}

const takesAll = (events: readonly PushEvent[]): Outcome => ({ sent: events.length, failed: 0 });

test('every event is sent once, in order, in full calls', async () => {
  const open = channel(takesAll);
  const progress = await generateLoad(PLAN, open, steppedClock());
  const planned = Array.from({ length: 200 }, (_, number) => eventAt(PLAN, number));
  assert.deepEqual(open.calls.flat(), planned);
  assert.ok(open.calls.every((events) => events.length <= 10));
  assert.deepEqual([progress.total, progress.sent, progress.failed], [200, 200, 0]);
});

test('no event is sent before its time', async () => {
  const clock = steppedClock();
  const early: number[] = [];
  const open = channel((events) => {
    for (const { timestamp } of events) if (timestamp - PLAN.startMs > clock.now()) early.push(timestamp);
    return takesAll(events);
  });
  await generateLoad(PLAN, open, clock);
  assert.deepEqual(early, []);
});

test('a low rate waits for the next event', async () => {
  const clock = steppedClock();
  await generateLoad({ ...PLAN, rate: 0.1, durationMs: 30_000 }, channel(takesAll), clock);
  assert.deepEqual(clock.waits, [10_000, 10_000]);
});

test('a slow channel gets at most 32 concurrent calls', async () => {
  let travelling = 0;
  let most = 0;
  const open = channel(async (events) => {
    travelling += 1;
    most = Math.max(most, travelling);
    await new Promise(setImmediate);
    travelling -= 1;
    return takesAll(events);
  }, 1);
  // All events are due when it starts.
  let reads = 0;
  const clock = { now: () => (reads++ === 0 ? 0 : 60_000), wait: async () => {} };
  const { sent } = await generateLoad(PLAN, open, clock);
  assert.deepEqual([sent, most], [200, 32]);
});

test('failed events are counted, with the first reason', async () => {
  let call = 0;
  const open = channel((events) => ({ sent: 0, failed: events.length, reason: `reason ${call++}` }));
  const { sent, failed, reason } = await generateLoad(PLAN, open, steppedClock());
  assert.deepEqual([sent, failed, reason], [0, 200, 'reason 0']);
});

test('stopping ends the load and counts the unsent events', async () => {
  const stopping = new AbortController();
  const open = channel((events) => {
    stopping.abort();
    return takesAll(events);
  });
  const progress = await generateLoad(PLAN, open, steppedClock(), { signal: stopping.signal });
  assert.equal(progress.sent, open.calls.flat().length);
  assert.ok(progress.sent < progress.total);
  assert.match(
    summary(progress),
    new RegExp(`^sent ${progress.sent}, failed 0, stopped before ${200 - progress.sent} more,`),
  );
});

test('no device has two events in one millisecond', () => {
  const plan = { ...PLAN, rate: 3_000, devices: 3 };
  checkPlan(plan);
  const events = Array.from({ length: eventCount(plan) }, (_, number) => eventAt(plan, number));
  const instants = new Set(events.map(({ dimensions, timestamp }) => `${dimensions['device']} ${timestamp}`));
  assert.equal(instants.size, events.length);
});

test('fails if the plan has an invalid value', () => {
  const cases: [Partial<LoadPlan>, RegExp][] = [
    [{ rate: 0 }, /rate: expected more than 0 events per second, got 0/],
    [{ rate: Number.NaN }, /rate: expected more than 0/],
    [{ devices: 0 }, /devices: expected an integer of at least 1, got 0/],
    [{ devices: 1.5 }, /devices: expected an integer of at least 1, got 1\.5/],
    [{ durationMs: 0 }, /duration: expected more than 0 ms, got 0/],
    [{ rate: 1_001, devices: 1 }, /rate: expected at most 1000 events per second/],
  ];
  for (const [change, message] of cases) assert.throws(() => checkPlan({ ...PLAN, ...change }), message);
});

test('the bar grows with sent and failed events', () => {
  const at = (sent: number, failed: number): string => progressBar({ total: 200, sent, failed, elapsedMs: 1_000 });
  assert.equal(at(0, 0), `[${'.'.repeat(30)}]   0 %  sent 0  failed 0  0 events/s`);
  assert.equal(at(90, 10), `[${'#'.repeat(15)}${'.'.repeat(15)}]  50 %  sent 90  failed 10  90 events/s`);
  assert.equal(at(200, 0), `[${'#'.repeat(30)}] 100 %  sent 200  failed 0  200 events/s`);
  assert.equal(
    summary({ total: 200, sent: 190, failed: 10, elapsedMs: 2_000 }),
    'sent 190, failed 10, in 2.0 s (95 events/s)',
  );
});
