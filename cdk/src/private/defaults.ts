/** The defaults that other props decide about. */
import { Duration } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { PrometheusPushGatewayProps } from '../push-gateway-props';

/** Props with their defaults, as far as validation and more than one part need them. */
export interface Defaults {
  readonly architecture: lambda.Architecture;
  readonly batchSize: number;
  /** Whether the queue is a FIFO queue, given or made. */
  readonly fifo: boolean;
  /** None with a FIFO queue. */
  readonly maxBatchingWindow?: Duration;
  /** Unknown if it is made from tokens. */
  readonly shortestVisibilityTimeout?: Duration;
  readonly timeout: Duration;
}

/** Defaults for what is not in `props`. */
export function defaultsOf(props: PrometheusPushGatewayProps): Defaults {
  const fifo = props.queue?.fifo ?? props.fifo ?? false;
  // 3 s is Lambda's default, which a function that is given has if it says nothing.
  const timeout = (props.function ? props.function.timeout ?? Duration.seconds(3) : props.timeout) ?? Duration.seconds(30);
  const maxBatchingWindow = props.maxBatchingWindow ?? (fifo ? undefined : Duration.seconds(10));
  return {
    architecture: props.architecture ?? lambda.Architecture.ARM_64,
    batchSize: props.batchSize ?? (fifo ? 10 : 10_000),
    fifo,
    maxBatchingWindow,
    shortestVisibilityTimeout: shortestVisibilityTimeout(timeout, maxBatchingWindow),
    timeout,
  };
}

/**
 * Six times the function's timeout, so that Lambda can retry a throttled batch, plus the time that a batch gathers:
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
function shortestVisibilityTimeout(timeout: Duration, window: Duration = Duration.seconds(0)): Duration | undefined {
  if (timeout.isUnresolved() || window.isUnresolved()) return undefined;
  return Duration.millis(6 * timeout.toMilliseconds() + window.toMilliseconds());
}
