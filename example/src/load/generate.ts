/**
 * Sends the events of a plan at its rate. If the channel is slower than the rate, events are sent later with the timestamps
 * of the plan; none are skipped.
 */

import type { Channel, Outcome } from '../commands/channel.js';
import { eventAt, eventCount, type LoadPlan } from './events.js';

/** Interval between calls: short enough for a steady rate, long enough to fill calls. */
const TICK_MS = 100;

/** Maximum number of concurrent calls. */
const CALLS_AT_ONCE = 32;

/** The progress of a load. */
export interface Progress {
  readonly total: number;
  readonly sent: number;
  readonly failed: number;
  readonly elapsedMs: number;
  /** The error of the first event that failed. */
  readonly reason?: string;
}

/** A clock, which tests replace. */
export interface LoadClock {
  /** Monotonic time in milliseconds. */
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<unknown>;
}

export interface LoadOptions {
  readonly onProgress?: (progress: Progress) => void;
  /** Stops sending new events. Calls in progress are awaited. */
  readonly signal?: AbortSignal;
}

export async function generateLoad(
  plan: LoadPlan,
  channel: Channel,
  clock: LoadClock,
  options: LoadOptions = {},
): Promise<Progress> {
  const { onProgress = () => {}, signal } = options;
  const total = eventCount(plan);
  const start = clock.now();
  const calls = new Set<Promise<void>>();
  let made = 0;
  let sum: Outcome = { sent: 0, failed: 0 };
  const progress = (): Progress => ({ ...sum, total, elapsedMs: clock.now() - start });
  const note = (outcome: Outcome): void => {
    const reason = sum.reason ?? outcome.reason;
    sum = {
      sent: sum.sent + outcome.sent,
      failed: sum.failed + outcome.failed,
      ...(reason === undefined ? {} : { reason }),
    };
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
      const count = Math.min(channel.eventsPerCall, due - made);
      const first = made;
      made += count;
      const events = Array.from({ length: count }, (_, at) => eventAt(plan, first + at));
      const call: Promise<void> = channel
        .send(events)
        .then(note)
        .finally(() => calls.delete(call));
      calls.add(call);
    }
  }
  await Promise.all(calls);
  return progress();
}
