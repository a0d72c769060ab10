/** The events of a load: a plan and a number become an event, the same in every run that starts at the same time. */

import type { PushEvent } from '../index.js';

/** How much load, and when. */
export interface LoadPlan {
  /** Events a second, of all devices together. */
  readonly rate: number;
  readonly durationMs: number;
  /** Devices that take turns; each is a series per metric. */
  readonly devices: number;
  /** When the first event is, in milliseconds since the epoch. */
  readonly startMs: number;
}

/** @throws if the plan has a value that is out of range, or gives a device two events in one millisecond */
export function checkPlan({ rate, durationMs, devices }: LoadPlan): void {
  if (!(rate > 0 && Number.isFinite(rate))) throw new Error(`the rate must be more than 0 events a second, but is ${rate}`);
  if (!(Number.isSafeInteger(devices) && devices > 0)) throw new Error(`there must be at least 1 device, not ${devices}`);
  if (!(durationMs > 0 && Number.isFinite(durationMs))) throw new Error(`the duration must be more than 0 ms, but is ${durationMs}`);
  // Of two samples of a series with one timestamp, only one is kept.
  if (rate > 1_000 * devices) {
    throw new Error(`${devices} devices have at most ${1_000 * devices} events a second, one each millisecond, but the rate is ${rate}`);
  }
}

/** All events of a plan; at least one. */
export function eventCount({ rate, durationMs }: LoadPlan): number {
  return Math.max(1, Math.round((rate * durationMs) / 1_000));
}

/** The event with a number from 0: readings that rise and fall over some minutes, shifted from device to device. */
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
