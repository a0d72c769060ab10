/** The function's environment variables: what props say → the variables that the function reads. */
import { Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { IConstruct } from 'constructs';
import type { NameEscaping } from '../name-escaping';
import type { IPrometheusWorkspace } from '../prometheus-workspace-base';
import type { PrometheusPushGatewayProps } from '../push-gateway-props';

/** The variables that props set, and the props. */
export const VARIABLES = {
  REMOTE_WRITE_URL: 'workspace',
  // Requests to AMP are always signed, which is the function's default.
  REMOTE_WRITE_AUTH: 'workspace',
  DEAD_LETTER_QUEUE_URL: 'deadLetterQueue',
  EXTERNAL_LABELS: 'externalLabels',
  NAME_ESCAPING: 'nameEscaping',
  AWS_LAMBDA_LOG_LEVEL: 'logLevel',
  AWS_LAMBDA_LOG_FORMAT: 'logLevel',
} as const satisfies Record<string, keyof PrometheusPushGatewayProps>;

/** What the variables are made from. */
export interface Settings {
  readonly workspace: IPrometheusWorkspace;
  /** Where the function moves messages to. */
  readonly deadLetterQueue?: sqs.IQueue;
  readonly externalLabels?: { [name: string]: string };
  readonly nameEscaping?: NameEscaping;
}

/** The variables, without those that would only repeat the function's defaults. */
export function environmentOf(scope: IConstruct, settings: Settings): Record<string, string> {
  const variables: Partial<Record<keyof typeof VARIABLES, string | undefined>> = {
    REMOTE_WRITE_URL: settings.workspace.remoteWriteUrl,
    DEAD_LETTER_QUEUE_URL: settings.deadLetterQueue?.queueUrl,
    EXTERNAL_LABELS: settings.externalLabels && Stack.of(scope).toJsonString(settings.externalLabels),
    NAME_ESCAPING: settings.nameEscaping,
  };
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined)) as Record<string, string>;
}

/** How a level is set so that Lambda passes on what the function writes. */
export interface Logging {
  readonly applicationLogLevel: lambda.ApplicationLogLevel;
  readonly environment: Record<string, string>;
}

/**
 * Lambda drops lines below the application log level, and takes lines without a level for INFO
 * (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html). Metrics are such lines, so
 * above INFO it is the function that has to be quiet, not Lambda.
 */
export function loggingOf(level: lambda.ApplicationLogLevel): Logging {
  const { TRACE, DEBUG, INFO, WARN } = lambda.ApplicationLogLevel;
  if (level === TRACE || level === DEBUG || level === INFO) {
    return { applicationLogLevel: level, environment: {} };
  }
  const quiet = level === WARN ? 'warn' : 'error';
  return {
    applicationLogLevel: INFO,
    environment: { RUST_LOG: quiet },
  };
}
