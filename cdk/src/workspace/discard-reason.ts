/**
 * Why AMP discards samples: the values of the dimension `Reason` of the metric `DiscardedSamples`.
 *
 * @see https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-CW-usage-metrics.html
 */
export enum DiscardReason {
  /** The sample is older than one hour. */
  GREATER_THAN_MAX_SAMPLE_AGE = 'greater_than_max_sample_age',
  /** The previous sample has the same timestamp and another value. */
  NEW_VALUE_FOR_TIMESTAMP = 'new-value-for-timestamp',
  /** The label set has reached its limit of active series. */
  PER_LABELSET_SERIES_LIMIT = 'per_labelset_series_limit',
  /** The metric has reached its limit of active series. */
  PER_METRIC_SERIES_LIMIT = 'per_metric_series_limit',
  /** The workspace has reached its limit of active series. */
  PER_USER_SERIES_LIMIT = 'per_user_series_limit',
  /** The workspace has reached its ingestion rate. */
  RATE_LIMITED = 'rate_limited',
  /** The sample is out of order, and the workspace has no out-of-order time window. */
  SAMPLE_OUT_OF_ORDER = 'sample-out-of-order',
  /** The sample is older than the out-of-order time window. */
  SAMPLE_TOO_OLD = 'sample-too-old',
  /** The workspace has reached its ingestion rate of out-of-order samples. */
  OUT_OF_ORDER_RATE_LIMIT = 'out-of-order-rate-limit',
  /** A label value is too long. */
  LABEL_VALUE_TOO_LONG = 'label_value_too_long',
  /** A series has too many labels. */
  MAX_LABEL_NAMES_PER_SERIES = 'max_label_names_per_series',
  /** The metric name is missing. */
  MISSING_METRIC_NAME = 'missing_metric_name',
  /** The metric name has an invalid character. */
  METRIC_NAME_INVALID = 'metric_name_invalid',
  /** A label name has an invalid character. */
  LABEL_INVALID = 'label_invalid',
  /** A series has a duplicate label name. */
  DUPLICATE_LABEL_NAMES = 'duplicate_label_names',
  /** A native histogram sample is too large. */
  NATIVE_HISTOGRAM_SAMPLE_SIZE_BYTES_EXCEEDED = 'native_histogram_sample_size_bytes_exceeded',
  /** The schema of a native histogram is not between -4 and 8. */
  NATIVE_HISTOGRAM_INVALID_SCHEMA = 'native_histogram_invalid_schema',
  /** A native histogram is inconsistent. */
  NATIVE_HISTOGRAM_INVALID = 'native_histogram_invalid',
  /** A native histogram has too many buckets. */
  NATIVE_HISTOGRAM_BUCKETS_EXCEEDED = 'native_histogram_buckets_exceeded',
  /** The workspace has reached its ingestion rate of native histograms. */
  NATIVE_HISTOGRAM_RATE_LIMITED = 'native_histogram_rate_limited',
  /** The workspace has reached its limit of active native histogram series. */
  PER_USER_NATIVE_HISTOGRAM_SERIES_LIMIT = 'per_user_native_histogram_series_limit',
}
