/**
 * The event that the push gateway takes, and its JSON.
 *
 * In: events with JavaScript's own values. Out: text that the gateway reads back to the same doubles, and that SQS
 * accepts as a message body.
 */

/** Readings of one instant that share their labels; each metric becomes one sample. */
export interface PushEvent {
  /** Label names and values; may be empty. */
  readonly dimensions: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, as `Date.now()` gives them; a whole number. */
  readonly timestamp: number;
  /** Metric names and values, at least one; a string holds a number and keeps its decimals (`'14.30'`). */
  readonly metrics: Readonly<Record<string, number | string>>;
}

/** One event as JSON, or several as a JSON array. The events of an array stand or fall together in a queue. */
export function encodeEvents(events: PushEvent | readonly PushEvent[]): string {
  const json = JSON.stringify(isList(events) ? events.map(withJsonValues) : withJsonValues(events));
  // JSON leaves these two as they are, and SQS refuses a body that contains them.
  return json.replace(/[\uFFFE\uFFFF]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}

function isList(events: PushEvent | readonly PushEvent[]): events is readonly PushEvent[] {
  return Array.isArray(events);
}

function withJsonValues(event: PushEvent): PushEvent {
  const metrics = Object.entries(event.metrics).map(([name, value]) => [name, jsonValue(value)] as const);
  return { ...event, metrics: Object.fromEntries(metrics) };
}

/** JSON has no NaN, no infinities and, as JavaScript writes it, no negative zero; as strings the gateway takes them. */
function jsonValue(value: number | string): number | string {
  if (typeof value === 'string') return value;
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return Object.is(value, -0) ? '-0.0' : value;
}
