import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';

/**
 * When the alarms of a push gateway go off.
 */
export interface PushGatewayAlarmOptions {
  /**
   * The age of the oldest message in the queue that is alarming. Raise it if producers come in waves that take longer.
   *
   * The default is half of the default out-of-order time window: samples still arrive, but not for much longer.
   *
   * @default Duration.minutes(5)
   */
  readonly maxAgeOfOldestMessage?: Duration;
}

/**
 * The alarms of a push gateway, to change or extend them.
 */
export interface PushGatewayAlarms {
  /** There are dead letters. */
  readonly deadLetters: cloudwatch.Alarm;
  /** The oldest message has waited for too long: the gateway does not keep up, or cannot write. Absent without a queue. */
  readonly ageOfOldestMessage?: cloudwatch.Alarm;
  /** Invocations fail: direct invokes, or the function itself. */
  readonly errors: cloudwatch.Alarm;
  /** Invocations are throttled: the account or the function has no concurrency left. */
  readonly throttles: cloudwatch.Alarm;
  /** AMP discards samples, of this gateway or of another writer to the workspace. */
  readonly discardedSamples: cloudwatch.Alarm;
}
