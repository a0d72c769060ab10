/** What can be wrong with queues that are given. */
import { Duration, Token } from 'aws-cdk-lib';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { IConstruct } from 'constructs';
import type { PrometheusPushGatewayProps } from '../push-gateway-props';
import type { Defaults } from './defaults';
import { isOtherRegion } from './elsewhere';
import { Problem, not } from './validate';
import { warn } from './warnings';

type Props = Pick<PrometheusPushGatewayProps, 'queue' | 'deadLetterQueue'>;

/** SQS's default, for queues that do not set one. */
const DEFAULT_VISIBILITY_TIMEOUT = 30;

/** The problems of the queues in `props` for a gateway at `scope`. */
export function givenQueueProblems(scope: IConstruct, props: Props, defaults: Defaults): Problem[] {
  const { queue, deadLetterQueue } = props;
  return [
    regionProblem(scope, 'queue', queue),
    regionProblem(scope, 'deadLetterQueue', deadLetterQueue),
    not(
      queue !== undefined && queue.queueArn === deadLetterQueue?.queueArn,
      `deadLetterQueue: expected another queue than queue, got ${queue?.node.path} for both`,
    ),
    visibilityTimeoutProblem(queue, defaults.shortestVisibilityTimeout),
  ];
}

/** Warns of what is not known of `queue`, and of what would be lost in it. */
export function warnOfQueue(scope: IConstruct, queue: sqs.IQueue, { shortestVisibilityTimeout }: Defaults): void {
  if (!(queue instanceof sqs.Queue)) {
    const least = shortestVisibilityTimeout ? `at least ${shortestVisibilityTimeout.toSeconds()} s` : 'at least six times the timeout plus maxBatchingWindow';
    warn(
      scope,
      'importedQueue',
      `the queue ${queue.node.path} is imported, so its settings are not known here; it needs a visibility timeout of ${least} and a dead-letter queue`,
    );
  } else if (!queue.deadLetterQueue) {
    warn(
      scope,
      'queueWithoutDeadLetterQueue',
      `the queue ${queue.node.path} has no dead-letter queue, so messages that cannot be delivered until their retention ends are lost; ` +
        'set deadLetterQueue of the queue',
    );
  }
}

/** Lambda polls, and sends to, queues of its own region only. */
function regionProblem(scope: IConstruct, prop: keyof Props, queue: sqs.IQueue | undefined): Problem {
  if (!queue || !isOtherRegion(queue.env, scope)) return undefined;
  return `${prop}: expected a queue in the region of the stack, got one in ${queue.env.region}`;
}

function visibilityTimeoutProblem(queue: sqs.IQueue | undefined, shortest: Duration | undefined): Problem {
  if (!(queue instanceof sqs.Queue) || !shortest) return undefined;
  const { visibilityTimeout = DEFAULT_VISIBILITY_TIMEOUT } = queue.node.defaultChild as sqs.CfnQueue;
  return not(
    !Token.isUnresolved(visibilityTimeout) && visibilityTimeout < shortest.toSeconds(),
    `queue: expected a visibility timeout of at least ${shortest.toSeconds()} s, got ${visibilityTimeout} s`,
  );
}
