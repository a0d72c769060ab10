/** Events for the scenarios: recognisable values that doubles hold exactly or only nearly, the same in every run. */

import type { PushEvent } from '../../src/index.js';

/** A source of repeatable noise (mulberry32): numbers from 0 up to but not including 1. */
export function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A copy in random order (Fisher-Yates). */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const copy = [...items];
  for (let at = copy.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [copy[at], copy[other]] = [copy[other] as T, copy[at] as T];
  }
  return copy;
}

/** What {@link readings} are to be like. */
export interface ReadingOptions {
  /** Series per metric. */
  readonly devices: number;
  /** Readings of each device. */
  readonly perDevice: number;
  /** Between two readings of a device, in milliseconds. */
  readonly intervalMs: number;
  /** The last reading's time, in milliseconds since the epoch. */
  readonly endMs: number;
}

/** Readings of several devices, by time: a running number, and a value whose decimals no short double has. */
export function readings({ devices, perDevice, intervalMs, endMs }: ReadingOptions): PushEvent[] {
  const random = noise(devices * 1_000 + perDevice);
  const events: PushEvent[] = [];
  for (let reading = 0; reading < perDevice; reading += 1) {
    const timestamp = endMs - (perDevice - 1 - reading) * intervalMs;
    for (let device = 0; device < devices; device += 1) {
      const metrics = { reading_number: reading, temperature_celsius: 20 + 10 * random() };
      events.push({ dimensions: { device: `device-${device}`, site: 'north' }, timestamp, metrics });
    }
  }
  return events;
}
