/** Series and samples, as an event must become them and as a workspace shows them. */

import type { PushEvent } from '../../src/event.js';

export interface Sample {
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly value: number;
}

/** The one name of a series, whatever the order of its labels: `__name__` is a label like any other. */
export function seriesName(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The samples that an event must become, with the names of their series. */
export function samplesOf(event: PushEvent): (Sample & { readonly series: string })[] {
  return Object.entries(event.metrics).map(([name, value]) => ({
    series: seriesName({ ...event.dimensions, __name__: name }),
    timestamp: event.timestamp,
    value: Number(value),
  }));
}
