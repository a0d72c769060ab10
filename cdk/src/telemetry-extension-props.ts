import { Duration } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { TelemetryDestination } from './telemetry-destination';
import { TelemetryInstanceLabel } from './telemetry-instance-label';

/**
 * How the telemetry extension is set up, the same for every function that it is added to.
 */
export interface PrometheusTelemetryExtensionProps {
  /** Where the functions' metrics go: exactly one place. */
  readonly destination: TelemetryDestination;

  /**
   * How many events (log lines and those of the platform) make an execution environment send: 1 to 4,294,967,295.
   * Raise it to send less often, lower it to see busy functions sooner.
   *
   * The default is some hundred invocations.
   *
   * @default 1000
   */
  readonly minBatchSize?: number;

  /**
   * The age of the oldest event that was not sent at which the next invocation sends, however few there are: 1 second
   * to 1 day. Lower it to see quiet functions sooner; each dispatch may hold an invocation open for 300 ms. Above five
   * minutes their series have gaps.
   *
   * @default Duration.minutes(1)
   */
  readonly maxAge?: Duration;

  /**
   * Whether there are also summaries (sum and count) of what Lambda reports for each invocation, under the names
   * `aws_lambda_report_…`. Set it for dashboards that were made for these.
   *
   * @default false
   */
  readonly summaries?: boolean;

  /**
   * What the label `instance` shows. `FULL` makes it possible to find the environment's log stream, at the price of
   * longer labels.
   *
   * @default TelemetryInstanceLabel.SHORT
   */
  readonly instanceLabel?: TelemetryInstanceLabel;

  /**
   * Labels for every series, such as `{ env: 'prod' }`. Names match `[a-zA-Z_][a-zA-Z0-9_]*`, and are not those of the
   * labels that the metrics have for themselves, such as `function` and `instance`. Set them to tell apart what has the
   * same names elsewhere.
   *
   * @default - none
   */
  readonly externalLabels?: { [name: string]: string };

  /**
   * The content of the layer: a folder or zip with an executable file `extensions/telemetry-extension`. It is for one
   * architecture, that of all functions then. Set it to run a build of your own.
   *
   * @default - the extension that this package carries, for the architecture of each function
   */
  readonly code?: lambda.Code;
}
