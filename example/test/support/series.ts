/** Series and samples of events and of the workspace. */

import type { PushEvent } from '../../src/event.js';

export interface Sample {
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly value: number;
}

/** A name for a series that does not depend on the order of its labels. */
export function seriesName(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The samples of an event, with the names of their series. */
export function samplesOf(event: PushEvent): (Sample & { readonly series: string })[] {
  return Object.entries(event.metrics).map(([name, value]) => ({
    series: seriesName({ ...event.dimensions, __name__: name }),
    timestamp: event.timestamp,
    value: Number(value),
  }));
}
