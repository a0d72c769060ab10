/**
 * How the gateway treats metric and label names with characters that Prometheus does not allow, such as `cpu.load`.
 */
export enum NameEscaping {
  /**
   * Replaces each invalid character by an underscore: `cpu_load`. Of two names that become the same series in an
   * invocation, the later one is invalid; over several invocations their samples are mixed.
   */
  UNDERSCORES = 'underscores',
  /** Writes the code of each invalid character, as Prometheus's `values` scheme does: `U__cpu_2e_load`. It is reversible. */
  VALUES = 'values',
  /** Treats the event as invalid. */
  REJECT = 'reject',
}
