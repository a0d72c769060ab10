/** The values that the panels of the dashboards show, as they are stored in a file. */

/** A value and its time, in milliseconds since the epoch. */
export type Point = readonly [number, number];

export interface Series {
  readonly label: string;
  readonly points: readonly Point[];
}

export interface Recording {
  readonly startMs: number;
  readonly endMs: number;
  /** By the name of the dashboard, then by the id of the panel. */
  readonly panels: Readonly<Record<string, Readonly<Record<number, readonly Series[]>>>>;
}
