/** Generates the events of a load. The same plan gives the same events. */

import type { PushEvent } from '../index.js';

/** The rate, duration and devices of a load. */
export interface LoadPlan {
  /** Events per second of all devices together. */
  readonly rate: number;
  readonly durationMs: number;
  /** Number of devices, each with a series per metric. */
  readonly devices: number;
  /** Timestamp of the first event, in milliseconds since the epoch. */
  readonly startMs: number;
}

/** @throws if a value is out of range, or a device would have two events in one millisecond */
export function checkPlan({ rate, durationMs, devices }: LoadPlan): void {
  if (!(rate > 0 && Number.isFinite(rate)))
    throw new Error(`rate: expected more than 0 events per second, got ${rate}`);
  if (!(Number.isSafeInteger(devices) && devices > 0))
    throw new Error(`devices: expected an integer of at least 1, got ${devices}`);
  if (!(durationMs > 0 && Number.isFinite(durationMs)))
    throw new Error(`duration: expected more than 0 ms, got ${durationMs}`);
  // A series keeps only one sample for a timestamp.
  if (rate > 1_000 * devices) {
    throw new Error(
      `rate: expected at most ${1_000 * devices} events per second, one per device and millisecond, got ${rate}`,
    );
  }
}

/** The number of events of a plan, at least one. */
export function eventCount({ rate, durationMs }: LoadPlan): number {
  return Math.max(1, Math.round((rate * durationMs) / 1_000));
}

/** The event with an index from 0. Values rise and fall over a few minutes, with a phase for each device. */
export function eventAt({ rate, devices, startMs }: LoadPlan, number: number): PushEvent {
  const device = number % devices;
  const timestamp = startMs + Math.floor((number * 1_000) / rate);
  const phase = timestamp / 60_000 + device;
  return {
    dimensions: { device: `device-${device}` },
    timestamp,
    metrics: {
      temperature_celsius: (20 + 5 * Math.sin(phase)).toFixed(2),
      humidity_percent: (50 + 20 * Math.cos(phase)).toFixed(1),
    },
  };
}
