/** Polls conditions of other processes until a deadline. */

import { setTimeout as delay } from 'node:timers/promises';

const POLL_INTERVAL_MS = 200;

/**
 * Polls until `isWanted` accepts the value, and returns it.
 *
 * @param what completes "waited for", such as "the queue to be empty"
 * @throws after `deadlineMs`, with the last value or the last error of `probe`
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T> | T,
  isWanted: (value: T) => boolean,
  deadlineMs = 120_000,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    let seen: string;
    try {
      const value = await probe();
      if (isWanted(value)) return value;
      seen = JSON.stringify(value) ?? String(value);
    } catch (error) {
      seen = String(error);
    }
    if (performance.now() >= end) throw new Error(`waited ${deadlineMs} ms for ${what}; last seen: ${seen}`);
    await delay(POLL_INTERVAL_MS);
  }
}
