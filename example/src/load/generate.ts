/**
 * Sends the events of a plan at its rate.
 *
 * In: a plan, a door and a clock. Out: the sum of what became of the events. If the door is slower than the rate, events
 * leave later, with the timestamps of the plan: none is left out.
 */

import type { Door, Outcome } from '../commands/door.js';
import { eventAt, eventCount, type LoadPlan } from './events.js';

/** How often what has become due is sent: small enough for a steady rate, large enough to fill calls. */
const TICK_MS = 100;

/** Calls that travel at once, at most; the generator waits for one of them before it makes more. */
const CALLS_AT_ONCE = 32;

/** How far it is. */
export interface Progress {
  readonly total: number;
  readonly sent: number;
  readonly failed: number;
  readonly elapsedMs: number;
  /** Why the first event that failed did. */
  readonly reason?: string;
}

/** Time, from outside. */
export interface LoadClock {
  /** Milliseconds that only grow. */
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<unknown>;
}

export interface LoadOptions {
  readonly onProgress?: (progress: Progress) => void;
  /** Makes no more events once it is aborted; calls that travel already are waited for. */
  readonly signal?: AbortSignal;
}

export async function generateLoad(plan: LoadPlan, door: Door, clock: LoadClock, options: LoadOptions = {}): Promise<Progress> {
  const { onProgress = () => {}, signal } = options;
  const total = eventCount(plan);
  const start = clock.now();
  const calls = new Set<Promise<void>>();
  let made = 0;
  let sum: Outcome = { sent: 0, failed: 0 };
  const progress = (): Progress => ({ ...sum, total, elapsedMs: clock.now() - start });
  const note = (outcome: Outcome): void => {
    const reason = sum.reason ?? outcome.reason;
    sum = { sent: sum.sent + outcome.sent, failed: sum.failed + outcome.failed, ...(reason === undefined ? {} : { reason }) };
    onProgress(progress());
  };

  while (made < total && signal?.aborted !== true) {
    const elapsedMs = clock.now() - start;
    const due = Math.min(total, 1 + Math.floor((elapsedMs * plan.rate) / 1_000));
    if (made >= due) {
      await clock.wait(Math.max(TICK_MS, (made * 1_000) / plan.rate - elapsedMs));
      onProgress(progress());
    } else if (calls.size >= CALLS_AT_ONCE) {
      await Promise.race(calls);
    } else {
      const count = Math.min(door.eventsPerCall, due - made);
      const first = made;
      made += count;
      const events = Array.from({ length: count }, (_, at) => eventAt(plan, first + at));
      const call: Promise<void> = door.send(events).then(note).finally(() => calls.delete(call));
      calls.add(call);
    }
  }
  await Promise.all(calls);
  return progress();
}
