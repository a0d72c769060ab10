import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as sns from 'aws-cdk-lib/aws-sns';

/**
 * When the alarms of a push gateway go off, and whom they notify.
 */
export interface PushGatewayAlarmOptions {
  /**
   * More topics that get the notifications.
   *
   * @default - none
   */
  readonly furtherTopics?: sns.ITopic[];

  /**
   * The number of dead letters that is alarming: 1 or more. Raise it if a few are normal and read later.
   *
   * @default 1
   */
  readonly deadLettersThreshold?: number;

  /**
   * The age of the oldest message in the queue that is alarming. Raise it if producers come in waves that take longer.
   *
   * The default is half of the default out-of-order time window: samples still arrive, but not for much longer.
   *
   * @default Duration.minutes(5)
   */
  readonly maxAgeOfOldestMessage?: Duration;

  /**
   * The number of failed invocations within 5 minutes that is alarming: 1 or more. Raise it if producers that invoke the
   * function directly send invalid events now and then.
   *
   * @default 1
   */
  readonly errorsThreshold?: number;

  /**
   * The number of throttled invocations within 5 minutes that is alarming: 1 or more. Raise it if concurrency is limited
   * on purpose: messages wait in the queue then.
   *
   * @default 1
   */
  readonly throttlesThreshold?: number;

  /**
   * The number of samples that AMP discards within 5 minutes that is alarming: 1 or more. Raise it if other writers to
   * the workspace lose some regularly.
   *
   * @default 1
   */
  readonly discardedSamplesThreshold?: number;
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
  /**
   * AMP discards samples, of this gateway or of another writer to the workspace. Absent if the workspace is in another
   * region or account, where an alarm of this stack cannot look.
   */
  readonly discardedSamples?: cloudwatch.Alarm;
}
