/**
 * How the gateway treats data points of OTLP with delta temporality. They are differences, which become a counter only
 * with all points before them, and the function keeps none.
 */
export enum OtlpDelta {
  /** Refuses them. The answer has their number, and the setting of the SDK for cumulative ones. */
  REFUSE = 'refuse',
  /**
   * Writes them as they are, under the name of the counter. Query them with `sum_over_time` instead of `increase`; a point
   * that is sent twice counts once, and a lost one is missing.
   */
  GAUGE = 'gauge',
}
