/**
 * The format of messages in the queue that have no attribute `Content-Type`.
 */
export enum DefaultFormat {
  /** JSON events. */
  JSON = 'json',
  /** The text format of Prometheus, which is also called exposition format. */
  EXPOSITION = 'exposition',
  /** Metrics of the OpenTelemetry protocol in protobuf. The message is base64 of it. */
  OTLP = 'otlp',
  /** Remote write 1.0. The message is base64 of a block of snappy, as the body of an HTTP request would be. */
  REMOTE_WRITE = 'remote-write',
}
