/**
 * The version of Prometheus remote write in which the gateway writes.
 *
 * @see https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/
 */
export enum RemoteWriteProtocol {
  /** 1.0, which AMP documents. Type, help and unit of metrics are sent in requests of their own. */
  V1 = '1.0',
  /**
   * 2.0, with type, help, unit and start timestamp in each series. A success without the number of written samples counts
   * as an error, so messages stay in their queue if the workspace takes 1.0 only.
   */
  V2 = '2.0',
  /** 2.0 until the workspace refuses it or answers without the number of written samples, then 1.0. */
  AUTO = 'auto',
}
