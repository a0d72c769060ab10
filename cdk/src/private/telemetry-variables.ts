/** The extension's environment variables: props → the variables that are set on a function. */
import { Stack, Tokenization } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { PrometheusTelemetryExtensionProps } from '../telemetry-extension-props';

/** The variables that the extension always reads, and the props that set them. */
export const TELEMETRY_VARIABLES: Readonly<Record<string, keyof PrometheusTelemetryExtensionProps>> = {
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

/** The variables for `fn`, without those that would only repeat the extension's defaults. */
export function telemetryVariables(fn: lambda.Function, props: PrometheusTelemetryExtensionProps): Record<string, string> {
  const { destination, minBatchSize, maxAge, summaries, instanceLabel, externalLabels } = props;
  const variables: Record<string, string | undefined> = {
    ...destination._settings.variables,
    DISPATCH_MIN_BATCH_SIZE: numberText(minBatchSize),
    DISPATCH_MAX_AGE_SECONDS: numberText(maxAge?.toSeconds()),
    TELEMETRY_SUMMARIES: summaries ? 'true' : undefined,
    TELEMETRY_INSTANCE_LABEL: instanceLabel,
    TELEMETRY_EXTERNAL_LABELS: externalLabels && Stack.of(fn).toJsonString(externalLabels),
  };
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined)) as Record<string, string>;
}

/** Tokens too, whose values are known only at deployment. */
function numberText(number: number | undefined): string | undefined {
  return number === undefined ? undefined : Tokenization.stringifyNumber(number);
}
