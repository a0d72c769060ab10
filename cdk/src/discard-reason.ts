/**
 * The reasons for which AMP discards samples: the values of the dimension `Reason` of the metric `DiscardedSamples`.
 *
 * @see https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-CW-usage-metrics.html
 */
export enum DiscardReason {
  /** Older than one hour. */
  GREATER_THAN_MAX_SAMPLE_AGE = 'greater_than_max_sample_age',
  /** Another value for the timestamp of the previous sample. */
  NEW_VALUE_FOR_TIMESTAMP = 'new-value-for-timestamp',
  /** The limit of active series of a label set. */
  PER_LABELSET_SERIES_LIMIT = 'per_labelset_series_limit',
  /** The limit of active series of a metric. */
  PER_METRIC_SERIES_LIMIT = 'per_metric_series_limit',
  /** The limit of active series of the workspace. */
  PER_USER_SERIES_LIMIT = 'per_user_series_limit',
  /** The ingestion rate of the workspace. */
  RATE_LIMITED = 'rate_limited',
  /** Out of order, in a workspace without an out-of-order time window. */
  SAMPLE_OUT_OF_ORDER = 'sample-out-of-order',
  /** Older than the out-of-order time window. */
  SAMPLE_TOO_OLD = 'sample-too-old',
  /** The ingestion rate of out-of-order samples. */
  OUT_OF_ORDER_RATE_LIMIT = 'out-of-order-rate-limit',
  /** A label value that is too long. */
  LABEL_VALUE_TOO_LONG = 'label_value_too_long',
  /** Too many labels in a series. */
  MAX_LABEL_NAMES_PER_SERIES = 'max_label_names_per_series',
  /** No metric name. */
  MISSING_METRIC_NAME = 'missing_metric_name',
  /** A metric name outside the charset. */
  METRIC_NAME_INVALID = 'metric_name_invalid',
  /** A label outside the charset. */
  LABEL_INVALID = 'label_invalid',
  /** The same label name twice. */
  DUPLICATE_LABEL_NAMES = 'duplicate_label_names',
  /** A native histogram sample that is too large. */
  NATIVE_HISTOGRAM_SAMPLE_SIZE_BYTES_EXCEEDED = 'native_histogram_sample_size_bytes_exceeded',
  /** A native histogram schema outside -4 to 8. */
  NATIVE_HISTOGRAM_INVALID_SCHEMA = 'native_histogram_invalid_schema',
  /** A native histogram that contradicts itself. */
  NATIVE_HISTOGRAM_INVALID = 'native_histogram_invalid',
  /** A native histogram with too many buckets. */
  NATIVE_HISTOGRAM_BUCKETS_EXCEEDED = 'native_histogram_buckets_exceeded',
  /** The ingestion rate of native histograms. */
  NATIVE_HISTOGRAM_RATE_LIMITED = 'native_histogram_rate_limited',
  /** The limit of active native histogram series of the workspace. */
  PER_USER_NATIVE_HISTOGRAM_SERIES_LIMIT = 'per_user_native_histogram_series_limit',
}
