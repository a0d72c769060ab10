/** Test events whose values need all digits of a double. */

import type { PushEvent } from '../../src/index.js';

/** The number and times of {@link readings}. */
export interface ReadingOptions {
  /** Series per metric. */
  readonly devices: number;
  /** Readings of each device. */
  readonly perDevice: number;
  /** Between two readings of a device, in milliseconds. */
  readonly intervalMs: number;
  /** Time of the last reading, in milliseconds since the epoch. */
  readonly endMs: number;
}

/** Readings of several devices in order of time, the same values in every run. */
export function readings({ devices, perDevice, intervalMs, endMs }: ReadingOptions): PushEvent[] {
  return Array.from({ length: devices * perDevice }, (_, number) => {
    const reading = Math.floor(number / devices);
    return {
      dimensions: { device: `device-${number % devices}`, site: 'north' },
      timestamp: endMs - (perDevice - 1 - reading) * intervalMs,
      metrics: { reading_number: reading, temperature_celsius: 20 + number / 7 },
    };
  });
}
