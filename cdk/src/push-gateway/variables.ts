/** The environment variables of the push gateway's function. */
import { Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { IConstruct } from 'constructs';
import { Variables, defined, numberText } from '../shared/variables';
import { HttpEndpointOptions } from './http-endpoint-options';
import { GatewayParts } from './parts';
import { PrometheusPushGatewayProps } from './push-gateway-props';

/** The variables that props set. */
export const VARIABLES: Variables<keyof PrometheusPushGatewayProps | keyof HttpEndpointOptions> = {
  REMOTE_WRITE_URL: 'workspace',
  // Requests to AMP are always signed, which is the default of the function.
  REMOTE_WRITE_AUTH: 'workspace',
  REMOTE_WRITE_PROTOCOL: 'remoteWriteProtocol',
  DEAD_LETTER_QUEUE_URL: 'deadLetterQueue',
  EXTERNAL_LABELS: 'externalLabels',
  NAME_ESCAPING: 'nameEscaping',
  MAX_FUTURE: 'maxFuture',
  OUT_OF_ORDER_WINDOW: 'outOfOrderTimeWindow',
  DEFAULT_FORMAT: 'defaultFormat',
  OTLP_DELTA: 'otlpDelta',
  // HttpEndpoints sets these.
  HTTP_AUTH: 'auth',
  HTTP_AUTH_SECRET: 'auth',
  HTTP_BASE_PATH: 'basePath',
  HTTP_DELIVERY: 'httpDelivery',
  SPILL_QUEUE_URL: 'queue',
  AWS_LAMBDA_LOG_LEVEL: 'logLevel',
  AWS_LAMBDA_LOG_FORMAT: 'logLevel',
};

/** The variables, without those that would repeat the defaults of the function. */
export function variablesOf(
  scope: IConstruct,
  { queue, deadLetterQueue, workspace }: GatewayParts,
  props: PrometheusPushGatewayProps,
): Record<string, string> {
  return defined({
    REMOTE_WRITE_URL: workspace.remoteWriteUrl,
    // A direct invocation returns the reason instead.
    DEAD_LETTER_QUEUE_URL: queue && deadLetterQueue.queueUrl,
    REMOTE_WRITE_PROTOCOL: props.remoteWriteProtocol,
    EXTERNAL_LABELS: props.externalLabels && Stack.of(scope).toJsonString(props.externalLabels),
    NAME_ESCAPING: props.nameEscaping,
    DEFAULT_FORMAT: props.defaultFormat,
    OTLP_DELTA: props.otlpDelta,
    MAX_FUTURE: numberText(props.maxFuture?.toSeconds()),
    OUT_OF_ORDER_WINDOW: numberText((props.outOfOrderTimeWindow ?? workspace.outOfOrderTimeWindow)?.toSeconds()),
  });
}

/** Settings of Lambda and the function that together give a log level. */
export interface Logging {
  readonly logLevel: lambda.ApplicationLogLevel;
  readonly environment: Record<string, string>;
}

/**
 * Lambda drops lines below the application log level and treats lines without a level as INFO. The function writes its
 * metrics as such lines, so above INFO the function filters its logs instead of Lambda.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
 */
export function loggingOf(level: lambda.ApplicationLogLevel): Logging {
  const { TRACE, DEBUG, INFO, WARN } = lambda.ApplicationLogLevel;
  if (level === TRACE || level === DEBUG || level === INFO) return { logLevel: level, environment: {} };
  return { logLevel: INFO, environment: { RUST_LOG: level === WARN ? 'warn' : 'error' } };
}
