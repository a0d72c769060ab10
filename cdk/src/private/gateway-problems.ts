/** What can be wrong with the props of a push gateway. */
import { Duration, Token } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { PrometheusPushGatewayProps } from '../push-gateway-props';
import { VARIABLES } from './environment';
import { labelProblems } from './labels';
import { artifactProblem } from './shipped-code';
import { Problem, duration, integer, not, text } from './validate';
import type { Defaults } from './defaults';

type Prop = keyof PrometheusPushGatewayProps;

/** Props that are about a queue, and those about a queue that is made. */
const OF_NEW_QUEUE: Prop[] = ['fifo', 'maxReceiveCount', 'visibilityTimeout'];
const OF_QUEUE: Prop[] = ['queue', ...OF_NEW_QUEUE, 'batchSize', 'maxBatchingWindow', 'maxConcurrency'];
/** Props that a function which is given has settled already. */
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

/** All problems of the props, of which some have defaults by now. */
export function gatewayProblems(props: PrometheusPushGatewayProps, defaults: Defaults): Problem[] {
  return [
    ...conflicts(props),
    ...ranges(props, defaults),
    ...queueProblems(props, defaults),
    ...labelProblems(props.externalLabels ?? {}),
    ...environmentProblems(props.environment ?? {}),
    functionProblem(props.function),
    props.function || props.code ? undefined : artifactProblem('push-gateway', defaults.architecture),
  ];
}

function conflicts(props: PrometheusPushGatewayProps): Problem[] {
  const together = (first: Prop, others: Prop[]) =>
    others
      .filter((other) => props[other] !== undefined && props[other] !== false)
      .map((other) => `${first} and ${other} cannot be set together`);
  return [
    ...(props.directInvokeOnly ? together('directInvokeOnly', OF_QUEUE) : []),
    ...(props.queue ? together('queue', OF_NEW_QUEUE) : []),
    ...(props.queue && props.deadLetterQueue ? together('queue', ['queueEncryptionKey']) : []),
    ...(props.function ? together('function', OF_NEW_FUNCTION) : []),
    ...(props.logGroup ? together('logGroup', ['logRetention']) : []),
    not(!props.vpc && props.vpcSubnets !== undefined, 'vpcSubnets needs vpc'),
    not(!props.vpc && props.securityGroups !== undefined, 'securityGroups needs vpc'),
  ];
}

function ranges(props: PrometheusPushGatewayProps, { fifo }: Defaults): Problem[] {
  return [
    integer('batchSize', props.batchSize, 1, fifo ? 10 : 10_000),
    duration('maxBatchingWindow', props.maxBatchingWindow, Duration.seconds(0), Duration.seconds(300)),
    integer('maxConcurrency', props.maxConcurrency, 2, 1000),
    integer('maxReceiveCount', props.maxReceiveCount, 5, 1000),
    text('functionName', props.functionName, /^[a-zA-Z0-9_-]{1,64}$/, '1 to 64 letters, digits, hyphens and underscores'),
    integer('memorySize', props.memorySize, 128, 10_240),
    integer('reservedConcurrentExecutions', props.reservedConcurrentExecutions, 0, Number.MAX_SAFE_INTEGER),
    duration('timeout', props.timeout, Duration.seconds(10), Duration.seconds(900)),
    integer('retryAttempts', props.retryAttempts, 0, 2),
    duration('maxEventAge', props.maxEventAge, Duration.seconds(60), Duration.hours(6)),
  ];
}

function queueProblems(props: PrometheusPushGatewayProps, defaults: Defaults): Problem[] {
  const { batchSize, fifo, maxBatchingWindow, shortestVisibilityTimeout } = defaults;
  const unbatched = maxBatchingWindow?.isUnresolved() === false && maxBatchingWindow.toSeconds({ integral: false }) < 1;
  return [
    not(fifo && props.maxBatchingWindow !== undefined, 'maxBatchingWindow cannot be set with a FIFO queue'),
    not(
      !Token.isUnresolved(batchSize) && batchSize > 10 && unbatched,
      `maxBatchingWindow must be at least 1 s with a batchSize above 10, but batchSize is ${batchSize}`,
    ),
    not(
      !props.queue && props.deadLetterQueue !== undefined && props.deadLetterQueue.fifo !== fifo,
      `deadLetterQueue must be a ${fifo ? 'FIFO' : 'standard'} queue, as ${props.directInvokeOnly ? 'Lambda wants it' : 'the queue is'}, ` +
        `but is a ${fifo ? 'standard' : 'FIFO'} queue`,
    ),
    concurrencyProblem(props),
    shortestVisibilityTimeout
      ? duration('visibilityTimeout', props.visibilityTimeout, shortestVisibilityTimeout, Duration.hours(12))
      : not(!props.visibilityTimeout, 'visibilityTimeout must be set when timeout or maxBatchingWindow is a token'),
  ];
}

/** https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html: otherwise batches are throttled. */
function concurrencyProblem({ maxConcurrency, reservedConcurrentExecutions: reserved }: PrometheusPushGatewayProps): Problem {
  if (maxConcurrency === undefined || reserved === undefined) return undefined;
  return not(
    !Token.isUnresolved(maxConcurrency) && !Token.isUnresolved(reserved) && maxConcurrency > reserved,
    `maxConcurrency: expected at most reservedConcurrentExecutions, which is ${reserved}, got ${maxConcurrency}`,
  );
}

/** Other runtimes would start something else than the executable file `bootstrap`. */
function functionProblem(fn: lambda.Function | undefined): Problem {
  const runtime = fn?.runtime;
  if (!runtime || runtime === lambda.Runtime.FROM_IMAGE || /^provided\.al20\d\d$/.test(runtime.name)) return undefined;
  return `function: expected the runtime lambda.Runtime.PROVIDED_AL2023 or a container image, got ${runtime.name}`;
}

function environmentProblems(environment: { [name: string]: string }): Problem[] {
  return Object.entries(VARIABLES).map(([variable, prop]) =>
    not(variable in environment, `environment must not have ${variable}; use the prop ${prop}`),
  );
}
