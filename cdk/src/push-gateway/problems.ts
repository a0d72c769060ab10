/** Checks the props of a push gateway. */
import { Duration, Token } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { functionProblems } from '../shared/function';
import { labelProblems } from '../shared/labels';
import { Problem, duration, integer, not, text, together } from '../shared/validate';
import { IPrometheusWorkspace } from '../workspace';
import { windowProblem } from '../workspace/window';
import { Settings } from './defaults';
import { HttpDelivery } from './http-delivery';
import { PrometheusPushGatewayProps } from './push-gateway-props';
import { VARIABLES } from './variables';

type Prop = keyof PrometheusPushGatewayProps;

/** Props of a new queue, and props of any queue. */
const OF_NEW_QUEUE: Prop[] = ['fifo', 'maxReceiveCount', 'visibilityTimeout'];
const OF_QUEUE: Prop[] = ['queue', ...OF_NEW_QUEUE, 'batchSize', 'maxBatchingWindow', 'maxConcurrency'];
/** Props of a new function. */
const OF_NEW_FUNCTION: Prop[] = [
  'architecture',
  'code',
  'environment',
  'environmentEncryption',
  'functionName',
  'logGroup',
  'logLevel',
  'logRetention',
  'maxEventAge',
  'memorySize',
  'onFailure',
  'reservedConcurrentExecutions',
  'retryAttempts',
  'securityGroups',
  'timeout',
  'tracing',
  'vpc',
  'vpcSubnets',
];

/** All problems of the props. `workspace` is the given one. */
export function gatewayProblems(
  props: PrometheusPushGatewayProps,
  settings: Settings,
  workspace: IPrometheusWorkspace | undefined,
): Problem[] {
  return [
    ...conflicts(props),
    ...ranges(props, settings),
    otherWindowProblem(props.outOfOrderTimeWindow, workspace?.outOfOrderTimeWindow),
    ...queueProblems(props, settings),
    ...labelProblems(props.externalLabels),
    ...(props.function ? [functionProblem(props.function)] : functionProblems(props, 'push-gateway', VARIABLES)),
  ];
}

function conflicts(props: PrometheusPushGatewayProps): Problem[] {
  return [
    ...together(props, 'directInvokeOnly', OF_QUEUE),
    ...together(props, 'queue', OF_NEW_QUEUE),
    ...(props.deadLetterQueue ? together(props, 'queue', ['queueEncryptionKey']) : []),
    ...together(props, 'function', OF_NEW_FUNCTION),
  ];
}

function ranges(props: PrometheusPushGatewayProps, { fifo }: Settings): Problem[] {
  return [
    integer('batchSize', props.batchSize, 1, fifo ? 10 : 10_000),
    duration('maxBatchingWindow', props.maxBatchingWindow, Duration.seconds(0), Duration.seconds(300)),
    integer('maxConcurrency', props.maxConcurrency, 2, 1000),
    integer('maxReceiveCount', props.maxReceiveCount, 5, 1000),
    text(
      'functionName',
      props.functionName,
      /^[a-zA-Z0-9_-]{1,64}$/,
      '1 to 64 letters, digits, hyphens and underscores',
    ),
    duration('timeout', props.timeout, Duration.seconds(10), Duration.seconds(900)),
    integer('retryAttempts', props.retryAttempts, 0, 2),
    duration('maxEventAge', props.maxEventAge, Duration.seconds(60), Duration.hours(6)),
    duration('maxFuture', props.maxFuture, Duration.seconds(1), Duration.minutes(10)),
    windowProblem(props.outOfOrderTimeWindow),
  ];
}

function otherWindowProblem(given: Duration | undefined, known: Duration | undefined): Problem {
  if (!given || !known || given.isUnresolved() || known.isUnresolved()) return undefined;
  const [got, expected] = [given, known].map((each) => each.toMilliseconds() / 1000);
  return not(got !== expected, `outOfOrderTimeWindow: expected that of workspace, ${expected} s, got ${got} s`);
}

function queueProblems(props: PrometheusPushGatewayProps, settings: Settings): Problem[] {
  const { batchSize, fifo, maxBatchingWindow, shortestVisibilityTimeout } = settings;
  const unbatched = maxBatchingWindow?.isUnresolved() === false && maxBatchingWindow.toSeconds({ integral: false }) < 1;
  const [expected, got] = fifo ? ['FIFO', 'standard'] : ['standard', 'FIFO'];
  const reason = props.directInvokeOnly
    ? 'because Lambda cannot send failed invocations to a FIFO queue'
    : 'like queue';
  return [
    not(fifo && props.maxBatchingWindow !== undefined, 'maxBatchingWindow cannot be set with a FIFO queue'),
    not(
      !Token.isUnresolved(batchSize) && batchSize > 10 && unbatched,
      `maxBatchingWindow: expected at least 1 s with a batchSize above 10, got a batchSize of ${batchSize}`,
    ),
    not(
      !props.queue && props.deadLetterQueue !== undefined && props.deadLetterQueue.fifo !== fifo,
      `deadLetterQueue: expected a ${expected} queue, ${reason}, got a ${got} queue`,
    ),
    concurrencyProblem(props),
    not(
      props.httpDelivery === HttpDelivery.QUEUE && props.directInvokeOnly === true,
      'httpDelivery: expected DIRECT, because there is no queue, got QUEUE',
    ),
    shortestVisibilityTimeout
      ? duration('visibilityTimeout', props.visibilityTimeout, shortestVisibilityTimeout, Duration.hours(12))
      : not(!props.visibilityTimeout, 'visibilityTimeout is required if timeout or maxBatchingWindow is a token'),
  ];
}

/** Otherwise batches are throttled: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
function concurrencyProblem({ maxConcurrency, reservedConcurrentExecutions }: PrometheusPushGatewayProps): Problem {
  if (maxConcurrency === undefined || reservedConcurrentExecutions === undefined) return undefined;
  if (Token.isUnresolved(maxConcurrency) || Token.isUnresolved(reservedConcurrentExecutions)) return undefined;
  return not(
    maxConcurrency > reservedConcurrentExecutions,
    `maxConcurrency: expected at most reservedConcurrentExecutions (${reservedConcurrentExecutions}), got ${maxConcurrency}`,
  );
}

/** Other runtimes do not start the executable file `bootstrap`. */
function functionProblem({ runtime }: lambda.Function): Problem {
  if (runtime === lambda.Runtime.FROM_IMAGE || /^provided\.al20\d\d$/.test(runtime.name)) return undefined;
  return `function: expected the runtime lambda.Runtime.PROVIDED_AL2023 or a container image, got ${runtime.name}`;
}
