/** The environment variables of the telemetry extension. */
import { Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Variables, defined, numberText } from '../shared/variables';
import { PrometheusTelemetryExtensionProps } from './telemetry-extension-props';

/** The variables that props set. A destination adds its own. */
export const VARIABLES: Variables<keyof PrometheusTelemetryExtensionProps> = {
  TELEMETRY_REMOTE_WRITE_URL: 'destination',
  TELEMETRY_QUEUE_URL: 'destination',
  TELEMETRY_FUNCTION: 'destination',
  GATEWAY: 'destination',
  DISPATCH_MIN_BATCH_SIZE: 'minBatchSize',
  DISPATCH_MAX_AGE_SECONDS: 'maxAge',
  TELEMETRY_SUMMARIES: 'summaries',
  TELEMETRY_INSTANCE_LABEL: 'instanceLabel',
  TELEMETRY_EXTERNAL_LABELS: 'externalLabels',
};

/** The variables for `fn`, without those that would repeat the defaults of the extension. */
export function variablesOf(fn: lambda.Function, props: PrometheusTelemetryExtensionProps): Record<string, string> {
  const { destination, minBatchSize, maxAge, summaries, instanceLabel, externalLabels } = props;
  return defined({
    ...destination._settings.variables,
    DISPATCH_MIN_BATCH_SIZE: numberText(minBatchSize),
    DISPATCH_MAX_AGE_SECONDS: numberText(maxAge?.toSeconds()),
    TELEMETRY_SUMMARIES: summaries ? 'true' : undefined,
    TELEMETRY_INSTANCE_LABEL: instanceLabel,
    TELEMETRY_EXTERNAL_LABELS: externalLabels && Stack.of(fn).toJsonString(externalLabels),
  });
}
