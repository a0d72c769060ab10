/**
 * How the gateway treats metric and label names with characters that Prometheus does not allow, such as `cpu.load`.
 */
export enum NameEscaping {
  /** Replaces each invalid character by an underscore: `cpu_load`. */
  UNDERSCORES = 'underscores',
  /** Treats the event as invalid. */
  REJECT = 'reject',
}
