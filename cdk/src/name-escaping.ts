/**
 * What becomes of metric and label names outside the Prometheus charset, such as `cpu.load`.
 */
export enum NameEscaping {
  /** Each character that is not allowed becomes an underscore: `cpu_load`. */
  UNDERSCORES = 'underscores',
  /** The event is invalid. */
  REJECT = 'reject',
}
