/** The load generator with a clock of its own: what it makes, when, and what it says of it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Door, Outcome } from '../../src/commands/door.js';
import type { PushEvent } from '../../src/index.js';
import { checkPlan, eventAt, eventCount, type LoadPlan } from '../../src/load/events.js';
import { generateLoad, type LoadClock } from '../../src/load/generate.js';
import { progressBar, summary } from '../../src/load/progress.js';

const PLAN: LoadPlan = { rate: 100, durationMs: 2_000, devices: 4, startMs: 1_676_398_017_000 };

/** Time passes only while somebody waits. */
function steppedClock(): LoadClock & { readonly waits: number[] } {
  const waits: number[] = [];
  let nowMs = 0;
  const wait = async (ms: number): Promise<void> => {
    waits.push(ms);
    nowMs += ms;
  };
  return { waits, wait, now: () => nowMs };
}

function door(send: (events: readonly PushEvent[]) => Outcome | Promise<Outcome>, eventsPerCall = 10): Door & { readonly calls: (readonly PushEvent[])[] } {
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

test('every event of the plan is sent once, in its order, in calls that the door likes', async () => {
  const open = door(takesAll);
  const progress = await generateLoad(PLAN, open, steppedClock());
  const planned = Array.from({ length: 200 }, (_, number) => eventAt(PLAN, number));
  assert.deepEqual(open.calls.flat(), planned);
  assert.ok(open.calls.every((events) => events.length <= 10));
  assert.deepEqual([progress.total, progress.sent, progress.failed], [200, 200, 0]);
});

test('no event is sent before its time', async () => {
  const clock = steppedClock();
  const early: number[] = [];
  const open = door((events) => {
    for (const { timestamp } of events) if (timestamp - PLAN.startMs > clock.now()) early.push(timestamp);
    return takesAll(events);
  });
  await generateLoad(PLAN, open, clock);
  assert.deepEqual(early, []);
});

test('a rate below one a second waits for the next event, and not in ticks', async () => {
  const clock = steppedClock();
  await generateLoad({ ...PLAN, rate: 0.1, durationMs: 30_000 }, door(takesAll), clock);
  assert.deepEqual(clock.waits, [10_000, 10_000]);
});

test('a door that is slow is not sent more than 32 calls at once, and no event is left out', async () => {
  let travelling = 0;
  let most = 0;
  const open = door(async (events) => {
    travelling += 1;
    most = Math.max(most, travelling);
    await new Promise(setImmediate);
    travelling -= 1;
    return takesAll(events);
  }, 1);
  // The time has passed when it begins, so that everything is due.
  let reads = 0;
  const clock = { now: () => (reads++ === 0 ? 0 : 60_000), wait: async () => {} };
  const { sent } = await generateLoad(PLAN, open, clock);
  assert.deepEqual([sent, most], [200, 32]);
});

test('what fails is counted, with the first reason', async () => {
  let call = 0;
  const open = door((events) => ({ sent: 0, failed: events.length, reason: `reason ${call++}` }));
  const { sent, failed, reason } = await generateLoad(PLAN, open, steppedClock());
  assert.deepEqual([sent, failed, reason], [0, 200, 'reason 0']);
});

test('stopping makes no more events, and the sums say how many were not made', async () => {
  const stopping = new AbortController();
  const open = door((events) => {
    stopping.abort();
    return takesAll(events);
  });
  const progress = await generateLoad(PLAN, open, steppedClock(), { signal: stopping.signal });
  assert.equal(progress.sent, open.calls.flat().length);
  assert.ok(progress.sent < progress.total);
  assert.match(summary(progress), new RegExp(`^sent ${progress.sent}, failed 0, stopped before ${200 - progress.sent} more,`));
});

test('no device has two events in one millisecond', () => {
  const plan = { ...PLAN, rate: 3_000, devices: 3 };
  checkPlan(plan);
  const events = Array.from({ length: eventCount(plan) }, (_, number) => eventAt(plan, number));
  const instants = new Set(events.map(({ dimensions, timestamp }) => `${dimensions['device']} ${timestamp}`));
  assert.equal(instants.size, events.length);
});

test('fails if the plan has a value that is out of range', () => {
  const cases: [Partial<LoadPlan>, RegExp][] = [
    [{ rate: 0 }, /rate must be more than 0 events a second, but is 0/],
    [{ rate: Number.NaN }, /rate must be more than 0/],
    [{ devices: 0 }, /at least 1 device, not 0/],
    [{ devices: 1.5 }, /at least 1 device, not 1\.5/],
    [{ durationMs: 0 }, /duration must be more than 0 ms, but is 0/],
    [{ rate: 1_001, devices: 1 }, /1 devices have at most 1000 events a second/],
  ];
  for (const [change, message] of cases) assert.throws(() => checkPlan({ ...PLAN, ...change }), message);
});

test('the bar grows with what is sent and what failed', () => {
  const at = (sent: number, failed: number): string => progressBar({ total: 200, sent, failed, elapsedMs: 1_000 });
  assert.equal(at(0, 0), `[${'.'.repeat(30)}]   0 %  sent 0  failed 0  0 events/s`);
  assert.equal(at(90, 10), `[${'#'.repeat(15)}${'.'.repeat(15)}]  50 %  sent 90  failed 10  90 events/s`);
  assert.equal(at(200, 0), `[${'#'.repeat(30)}] 100 %  sent 200  failed 0  200 events/s`);
  assert.equal(summary({ total: 200, sent: 190, failed: 10, elapsedMs: 2_000 }), 'sent 190, failed 10, in 2.0 s (95 events/s)');
});
