import { Duration } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { TelemetryDestination } from './destination';

/**
 * The value of the label `instance`, which distinguishes the execution environments of a function.
 */
export enum TelemetryInstanceLabel {
  /** Eight random hexadecimal digits. */
  SHORT = 'short',
  /** Lambda's name of the environment, if Lambda sends it in time, followed by the digits. */
  FULL = 'full',
}

/**
 * Settings of the telemetry extension, for every function that it is added to.
 */
export interface PrometheusTelemetryExtensionProps {
  /** Destination of the metrics. */
  readonly destination: TelemetryDestination;

  /**
   * Number of events (log lines and platform events) after which an execution environment sends: 1 to 4,294,967,295.
   * Raise it to send less often. Lower it to see busy functions sooner.
   *
   * The default is a few hundred invocations.
   *
   * @default 1000
   */
  readonly minBatchSize?: number;

  /**
   * Age of the oldest unsent event after which the next invocation sends: 1 second to 1 day. Lower it to see idle
   * functions sooner; each dispatch may extend an invocation by 300 ms. Above five minutes, their series have gaps.
   *
   * @default Duration.minutes(1)
   */
  readonly maxAge?: Duration;

  /**
   * Whether to add summaries (sum and count) of Lambda's report of each invocation, with names `aws_lambda_report_…`. Set
   * it for dashboards that use them.
   *
   * @default false
   */
  readonly summaries?: boolean;

  /**
   * Value of the label `instance`. `FULL` identifies the log stream of the environment, but makes labels longer.
   *
   * @default TelemetryInstanceLabel.SHORT
   */
  readonly instanceLabel?: TelemetryInstanceLabel;

  /**
   * Labels of every series, by name, such as `{ env: 'prod' }`. Names match `[a-zA-Z_][a-zA-Z0-9_]*` and must not be labels
   * of the metrics, such as `function` and `instance`. Set them to distinguish functions that have the same name.
   *
   * @default - none
   */
  readonly externalLabels?: { [name: string]: string };

  /**
   * Content of the layer: a folder or zip archive with an executable file `extensions/telemetry-extension`. All functions
   * must have its architecture. Set it to run your own build.
   *
   * @default - the extension in this package, for the architecture of each function
   */
  readonly code?: lambda.Code;
}
