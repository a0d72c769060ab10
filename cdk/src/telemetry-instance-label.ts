/**
 * What the label `instance` shows, which tells the execution environments of a function apart.
 */
export enum TelemetryInstanceLabel {
  /** Eight random hexadecimal digits. */
  SHORT = 'short',
  /** Lambda's own name for the environment before the digits, where Lambda tells it in time. */
  FULL = 'full',
}
