/**
 * The event of the push gateway, and its JSON, which keeps the exact value of every double and is a valid body of an SQS
 * message.
 */

/** Metrics with the same labels and timestamp; each becomes a sample. */
export interface PushEvent {
  /** Label names and values; may be empty. */
  readonly dimensions: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, an integer. */
  readonly timestamp: number;
  /** Metric names and values, at least one; a string holds a number and keeps its decimals (`'14.30'`). */
  readonly metrics: Readonly<Record<string, number | string>>;
}

/** One event as JSON, or several as a JSON array. In a queue, one invalid event makes the whole array invalid. */
export function encodeEvents(events: PushEvent | readonly PushEvent[]): string {
  const json = JSON.stringify(isList(events) ? events.map(withJsonValues) : withJsonValues(events));
  // SQS rejects bodies with these characters, which JSON does not escape.
  return json.replace(/[\uFFFE\uFFFF]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}

function isList(events: PushEvent | readonly PushEvent[]): events is readonly PushEvent[] {
  return Array.isArray(events);
}

function withJsonValues(event: PushEvent): PushEvent {
  const metrics = Object.entries(event.metrics).map(([name, value]) => [name, jsonValue(value)] as const);
  return { ...event, metrics: Object.fromEntries(metrics) };
}

/** NaN, infinities and negative zero as strings, because JSON.stringify does not support them. */
function jsonValue(value: number | string): number | string {
  if (typeof value === 'string') return value;
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return Object.is(value, -0) ? '-0.0' : value;
}
