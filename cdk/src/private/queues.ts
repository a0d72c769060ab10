/** The queues: props → queues that are encrypted and refuse connections without TLS. */
import { Duration } from 'aws-cdk-lib';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { PrometheusPushGatewayProps } from '../push-gateway-props';
import type { Defaults } from './defaults';

/** The dead-letter queue: the one given, that of the queue given, or a new one. */
export function deadLetterQueueOf(
  scope: Construct,
  props: PrometheusPushGatewayProps,
  { fifo }: Defaults,
): sqs.IQueue {
  const ofQueue = (props.queue as Partial<sqs.Queue> | undefined)?.deadLetterQueue?.queue;
  return (
    props.deadLetterQueue ??
    ofQueue ??
    new sqs.Queue(scope, 'DeadLetterQueue', {
      ...common(props, fifo),
      // SQS's maximum: the time of a message counts from when it was sent first.
      retentionPeriod: Duration.days(14),
    })
  );
}

/** The queue that producers send to, if there is to be one. */
export function queueOf(
  scope: Construct,
  props: PrometheusPushGatewayProps,
  defaults: Defaults,
  deadLetterQueue: sqs.IQueue,
): sqs.IQueue | undefined {
  if (props.directInvokeOnly) return undefined;
  return (
    props.queue ??
    new sqs.Queue(scope, 'Queue', {
      ...common(props, defaults.fifo),
      visibilityTimeout: props.visibilityTimeout ?? defaults.shortestVisibilityTimeout,
      deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount: props.maxReceiveCount ?? 10 },
    })
  );
}

function common(props: PrometheusPushGatewayProps, fifo: boolean): sqs.QueueProps {
  return {
    enforceSSL: true,
    encryption: props.queueEncryptionKey ? sqs.QueueEncryption.KMS : sqs.QueueEncryption.SQS_MANAGED,
    encryptionMasterKey: props.queueEncryptionKey,
    ...(fifo && {
      fifo: true,
      contentBasedDeduplication: true,
      // Together they are SQS's high throughput: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/high-throughput-fifo.html
      deduplicationScope: sqs.DeduplicationScope.MESSAGE_GROUP,
      fifoThroughputLimit: sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
    }),
  };
}
