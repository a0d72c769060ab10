/** Creates and checks the queues of a push gateway. */
import { Duration, Token } from 'aws-cdk-lib';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct, IConstruct } from 'constructs';
import { isOtherRegion } from '../shared/elsewhere';
import { Problem, not } from '../shared/validate';
import { warn } from '../shared/warnings';
import { Settings } from './defaults';
import { PrometheusPushGatewayProps } from './push-gateway-props';

/** The default of SQS, in seconds. */
const DEFAULT_VISIBILITY_TIMEOUT = 30;

/** The dead-letter queue: the one that is given, that of the given queue, or a new one. */
export function deadLetterQueueOf(scope: Construct, props: PrometheusPushGatewayProps, { fifo }: Settings): sqs.IQueue {
  const ofQueue = (props.queue as Partial<sqs.Queue> | undefined)?.deadLetterQueue?.queue;
  return (
    props.deadLetterQueue ??
    ofQueue ??
    new sqs.Queue(scope, 'DeadLetterQueue', {
      ...encrypted(props, fifo),
      // The maximum of SQS, counted from when the message was first sent.
      retentionPeriod: Duration.days(14),
    })
  );
}

/** The queue that producers send to, unless `directInvokeOnly` is set. */
export function queueOf(
  scope: Construct,
  props: PrometheusPushGatewayProps,
  settings: Settings,
  deadLetterQueue: sqs.IQueue,
): sqs.IQueue | undefined {
  if (props.directInvokeOnly) return undefined;
  return (
    props.queue ??
    new sqs.Queue(scope, 'Queue', {
      ...encrypted(props, settings.fifo),
      visibilityTimeout: props.visibilityTimeout ?? settings.shortestVisibilityTimeout,
      deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount: settings.maxReceiveCount },
    })
  );
}

/** Encryption, TLS and FIFO settings of new queues. */
function encrypted(props: PrometheusPushGatewayProps, fifo: boolean): sqs.QueueProps {
  return {
    enforceSSL: true,
    encryption: props.queueEncryptionKey ? sqs.QueueEncryption.KMS : sqs.QueueEncryption.SQS_MANAGED,
    encryptionMasterKey: props.queueEncryptionKey,
    ...(fifo && {
      fifo: true,
      contentBasedDeduplication: true,
      // High throughput: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/high-throughput-fifo.html
      deduplicationScope: sqs.DeduplicationScope.MESSAGE_GROUP,
      fifoThroughputLimit: sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
    }),
  };
}

/** The problems of queues that are given to a gateway at `scope`. */
export function givenQueueProblems(
  scope: IConstruct,
  { queue, deadLetterQueue }: PrometheusPushGatewayProps,
  { shortestVisibilityTimeout }: Settings,
): Problem[] {
  return [
    regionProblem(scope, 'queue', queue),
    regionProblem(scope, 'deadLetterQueue', deadLetterQueue),
    not(
      queue !== undefined && queue.queueArn === deadLetterQueue?.queueArn,
      `deadLetterQueue: expected another queue than queue, got ${queue?.node.path} for both`,
    ),
    visibilityTimeoutProblem(queue, shortestVisibilityTimeout),
  ];
}

/** Warns of unknown settings of a given queue, and of messages that it would lose. */
export function warnOfQueue(scope: IConstruct, queue: sqs.IQueue, { shortestVisibilityTimeout }: Settings): void {
  if (!(queue instanceof sqs.Queue)) {
    const least = shortestVisibilityTimeout
      ? `${shortestVisibilityTimeout.toSeconds()} s`
      : 'six times the timeout plus maxBatchingWindow';
    warn(
      scope,
      'importedQueue',
      `the queue ${queue.node.path} is imported, so its settings are unknown; it needs a visibility timeout of at least ${least} and a dead-letter queue`,
    );
  } else if (!queue.deadLetterQueue) {
    warn(
      scope,
      'queueWithoutDeadLetterQueue',
      `the queue ${queue.node.path} has no dead-letter queue, so messages that are not delivered within their retention are lost; ` +
        'set deadLetterQueue of the queue',
    );
  }
}

/**
 * Warns if the window of the workspace ends before a message is received again. A FIFO queue holds back later messages of
 * the group meanwhile.
 */
export function warnOfWindow(
  scope: IConstruct,
  queue: sqs.IQueue,
  workspace: IConstruct,
  window: Duration | undefined,
): void {
  const timeout = visibilityTimeoutOf(queue);
  if (queue.fifo || !window || window.isUnresolved() || timeout === undefined || timeout <= window.toSeconds()) return;
  warn(
    scope,
    'windowBelowVisibilityTimeout',
    `the out-of-order time window of the workspace ${workspace.node.path}, ${window.toSeconds()} s, is below the visibility timeout ` +
      `of the queue ${queue.node.path}, ${timeout} s, so a message that is delivered again may be too old for the workspace; ` +
      'lengthen the window, to at most 600 s, or shorten the visibility timeout',
  );
}

/** Lambda receives from and sends to queues in its own region only. */
function regionProblem(scope: IConstruct, prop: string, queue: sqs.IQueue | undefined): Problem {
  if (!queue || !isOtherRegion(queue.env, scope)) return undefined;
  return `${prop}: expected a queue in the region of the stack, got one in ${queue.env.region}`;
}

function visibilityTimeoutProblem(queue: sqs.IQueue | undefined, shortest: Duration | undefined): Problem {
  const timeout = queue && visibilityTimeoutOf(queue);
  if (timeout === undefined || !shortest) return undefined;
  return not(
    timeout < shortest.toSeconds(),
    `queue: expected a visibility timeout of at least ${shortest.toSeconds()} s, got ${timeout} s`,
  );
}

/** The visibility timeout in seconds; undefined if it is known only at deployment. */
function visibilityTimeoutOf(queue: sqs.IQueue): number | undefined {
  if (!(queue instanceof sqs.Queue)) return undefined;
  const { visibilityTimeout = DEFAULT_VISIBILITY_TIMEOUT } = queue.node.defaultChild as sqs.CfnQueue;
  return Token.isUnresolved(visibilityTimeout) ? undefined : visibilityTimeout;
}
