/** The defaults of a push gateway. Those of every function are in shared/function.ts. */
import { Duration } from 'aws-cdk-lib';
import { PrometheusPushGatewayProps } from './push-gateway-props';

/** The settings of a gateway, each from a prop or its default. */
export interface Settings {
  readonly batchSize: number;
  /** Whether the queue is a FIFO queue, given or new. */
  readonly fifo: boolean;
  /** Undefined for a FIFO queue. */
  readonly maxBatchingWindow?: Duration;
  readonly maxEventAge: Duration;
  readonly maxReceiveCount: number;
  readonly memorySize: number;
  readonly retryAttempts: number;
  /** Undefined if it depends on tokens. */
  readonly shortestVisibilityTimeout?: Duration;
  readonly timeout: Duration;
}

/** Settings from `props`, with defaults. */
export function settingsOf(props: PrometheusPushGatewayProps): Settings {
  const fifo = props.queue?.fifo ?? props.fifo ?? false;
  // A function that is given and has no timeout has Lambda's default of 3 s.
  const ofGivenFunction = props.function && (props.function.timeout ?? Duration.seconds(3));
  const timeout = ofGivenFunction ?? props.timeout ?? Duration.seconds(30);
  const maxBatchingWindow = props.maxBatchingWindow ?? (fifo ? undefined : Duration.seconds(10));
  return {
    batchSize: props.batchSize ?? (fifo ? 10 : 10_000),
    fifo,
    maxBatchingWindow,
    maxEventAge: props.maxEventAge ?? Duration.hours(1),
    maxReceiveCount: props.maxReceiveCount ?? 10,
    memorySize: props.memorySize ?? 128,
    retryAttempts: props.retryAttempts ?? 2,
    shortestVisibilityTimeout: shortestVisibilityTimeout(timeout, maxBatchingWindow),
    timeout,
  };
}

/**
 * Six times the timeout of the function, so that Lambda can retry a throttled batch, plus the batching window.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
function shortestVisibilityTimeout(timeout: Duration, window: Duration = Duration.seconds(0)): Duration | undefined {
  if (timeout.isUnresolved() || window.isUnresolved()) return undefined;
  return Duration.millis(6 * timeout.toMilliseconds() + window.toMilliseconds());
}
