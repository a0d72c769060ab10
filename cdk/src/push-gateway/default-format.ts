/**
 * The format of messages in the queue that have no attribute `Content-Type`.
 */
export enum DefaultFormat {
  /** JSON events. */
  JSON = 'json',
  /** The text format of Prometheus, which is also called exposition format. */
  EXPOSITION = 'exposition',
}
