import { Duration } from 'aws-cdk-lib';
import * as aps from 'aws-cdk-lib/aws-aps';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { FunctionProps } from '../shared/function-props';
import { DefaultFormat } from './default-format';
import { HttpDelivery } from './http-delivery';
import { NameEscaping } from './name-escaping';
import { OtlpDelta } from './otlp-delta';
import { RemoteWriteProtocol } from './remote-write-protocol';

/**
 * Settings of a push gateway. Every prop is optional.
 */
export interface PrometheusPushGatewayProps extends FunctionProps {
  /**
   * Workspace that samples are written to: a `PrometheusWorkspace`, or the construct of another library, such as
   * `aps.CfnWorkspace`. Set it to share a workspace, or to change its settings.
   *
   * @default - a new `PrometheusWorkspace` with its defaults
   */
  readonly workspace?: aps.IWorkspaceRef;

  /**
   * Queue that producers send to, in the region of the stack. The function gets permission to receive from it. Its
   * visibility timeout must be at least six times the timeout of the function plus the batching window, which cannot be
   * checked for an imported queue. Set it to use an existing queue.
   *
   * @default - a new encrypted queue that requires TLS
   */
  readonly queue?: sqs.IQueue;

  /**
   * Omits the queue, so that the function can only be invoked directly, synchronously or asynchronously. Set it for
   * producers that need the response, or that retry themselves.
   *
   * @default false
   */
  readonly directInvokeOnly?: boolean;

  /**
   * Whether new queues are FIFO queues, which keep the order of messages in a group. Use FIFO only for series that must
   * not rely on the out-of-order time window: the function sorts the samples of a batch in any case, and FIFO batches
   * hold 10 messages, standard batches 10,000. IoT Core cannot send to FIFO queues.
   *
   * Within 5 minutes, messages with the same content are delivered only once, unless they have deduplication IDs.
   *
   * @default false
   */
  readonly fifo?: boolean;

  /**
   * Queue for messages that cannot be written, in the region of the stack: invalid events and samples that AMP rejects,
   * immediately and with the reason; messages received `maxReceiveCount` times; and failed asynchronous invocations. It
   * must differ from `queue`. Set it to collect the dead letters of several gateways.
   *
   * @default - that of the given `queue` if it has one in this app, else a new queue that keeps messages for 14 days
   */
  readonly deadLetterQueue?: sqs.IQueue;

  /**
   * How often a message is received before the queue moves it to the dead-letter queue: 5 to 1000. It matters only while
   * AMP or the network is down, because invalid events are moved when they are first received.
   *
   * The default covers an outage of half an hour (10 times the visibility timeout of 190 s). AMP rejects samples older
   * than an hour, so much higher values have no use.
   *
   * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
   * @default 10
   */
  readonly maxReceiveCount?: number;

  /**
   * How long a received message is hidden from other receivers: at least six times `timeout` plus `maxBatchingWindow`, at
   * most 12 hours. It is also the delay before a message that could not be delivered is retried.
   *
   * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
   * @default - six times `timeout` plus `maxBatchingWindow`
   */
  readonly visibilityTimeout?: Duration;

  /**
   * KMS key that encrypts new queues. Set it to control who can read their messages.
   *
   * @default - a key that SQS manages
   */
  readonly queueEncryptionKey?: kms.IKey;

  /**
   * Maximum number of messages in an invocation: 1 to 10,000, or 10 with a FIFO queue. Lambda also limits a batch to 6 MB.
   * Lower it so that a failing batch delays fewer messages.
   *
   * The default is the maximum: fewer invocations, and more samples of a series sorted and sent in one write request. A
   * function with the default memory can process a full batch.
   *
   * @default - 10000, or 10 with a FIFO queue
   */
  readonly batchSize?: number;

  /**
   * How long Lambda collects a batch: 0 to 300 seconds, at least 1 second with a `batchSize` above 10. It cannot be set
   * with a FIFO queue. Shorten it to write samples sooner.
   *
   * With the default, events of one series that were sent within 10 seconds are in the same batch, which the function
   * sorts.
   *
   * @default - Duration.seconds(10), or none with a FIFO queue
   */
  readonly maxBatchingWindow?: Duration;

  /**
   * Maximum number of concurrent batches: 2 to 1000, and at most `reservedConcurrentExecutions`. Set it to protect the
   * concurrency of other functions, or the workspace.
   *
   * @default - no maximum: Lambda scales with the queue, up to 1,250
   */
  readonly maxConcurrency?: number;

  /**
   * Function to use. Set it for settings that have no prop. It needs the runtime `PROVIDED_AL2023` or a container image,
   * and code that follows the contract of the gateway. The gateway adds environment variables, permissions and the event
   * source. The function defines what happens to its failed asynchronous invocations.
   *
   * @default - a new function
   */
  readonly function?: lambda.Function;

  /**
   * Name of the function: 1 to 64 letters, digits, hyphens and underscores. Set it if producers invoke the function by a
   * fixed name.
   *
   * @default - a generated name
   */
  readonly functionName?: string;

  /**
   * Memory of the function: 128 to 10,240 MB. CPU power grows with it. Increase it to shorten large direct invocations.
   *
   * The default is the minimum: a full batch needs less than 40 MB.
   *
   * @default 128
   */
  readonly memorySize?: number;

  /**
   * Timeout of an invocation: 10 to 900 seconds. The function retries until half a second before it.
   *
   * An attempt may take 10 seconds, so the default allows three. A longer timeout makes `visibilityTimeout`, and so the
   * delay of a redelivery, longer by six times as much.
   *
   * @default Duration.seconds(30)
   */
  readonly timeout?: Duration;

  /**
   * Labels of every series, by name, such as `{ env: 'prod' }`. A label of an event with the same name takes precedence.
   * Names match `[a-zA-Z_][a-zA-Z0-9_]*`. Set them to distinguish the gateways of a workspace.
   *
   * @default - none
   */
  readonly externalLabels?: { [name: string]: string };

  /**
   * How names with characters that Prometheus does not allow are treated. Use `VALUES` or `REJECT` if producers send names
   * that underscores make the same, such as `cpu.load` and `cpu-load`.
   *
   * @default NameEscaping.UNDERSCORES
   */
  readonly nameEscaping?: NameEscaping;

  /**
   * Format of messages in the queue that have no attribute `Content-Type`. Set it if producers send another format than
   * JSON events without the attribute.
   *
   * @default DefaultFormat.JSON
   */
  readonly defaultFormat?: DefaultFormat;

  /**
   * How data points of OTLP with delta temporality are treated. Use `GAUGE` for SDKs that cannot send cumulative ones.
   *
   * @default OtlpDelta.REFUSE
   */
  readonly otlpDelta?: OtlpDelta;

  /**
   * Version of remote write in which the function writes. Use `V2` or `AUTO` for a workspace that takes 2.0: each series
   * then has its metadata and its start timestamp.
   *
   * @default RemoteWriteProtocol.V1
   */
  readonly remoteWriteProtocol?: RemoteWriteProtocol;

  /**
   * When the function writes pushes and events that it receives by HTTP. Use `QUEUE` for many small pushes, which then become few write
   * requests, below AMP's limit of requests. It requires a standard queue.
   *
   * The default answers with the reason if a push is invalid.
   *
   * @default HttpDelivery.DIRECT
   */
  readonly httpDelivery?: HttpDelivery;

  /**
   * How far ahead of the clock the timestamp of an event may be: 1 to 600 seconds. Events beyond it are invalid. Increase it
   * for devices whose clocks are fast.
   *
   * A workspace measures its out-of-order time window from its newest sample, so one device with a wrong clock shortens the
   * window of all series.
   *
   * @default Duration.seconds(60)
   */
  readonly maxFuture?: Duration;

  /**
   * Out-of-order time window of the workspace: 0 to 600 seconds. A new workspace gets this window; that of another
   * workspace in the app must be the same. Set it for an imported workspace, whose window is unknown.
   *
   * The function sends requests that each span at most the window, because AMP accepts a repeated sample only within it. A
   * window below the visibility timeout of a standard queue gives a warning.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-workspace-configuration.html
   * @default - the window of `workspace`, or 60 seconds if it is unknown
   */
  readonly outOfOrderTimeWindow?: Duration;

  /**
   * Destination of asynchronous invocations that failed after all retries, such as those of IoT Core's Lambda action. Set
   * it to separate them from other dead letters: Lambda wraps the event in a record of the invocation.
   *
   * @default - the dead-letter queue; none if that is a FIFO queue, which Lambda cannot send to
   */
  readonly onFailure?: lambda.IDestination;

  /**
   * Retries of an asynchronous invocation: 0 to 2. Lower it if late samples are useless.
   *
   * @default 2
   */
  readonly retryAttempts?: number;

  /**
   * How long an asynchronous invocation may wait before it fails: 60 seconds to 6 hours. Shorten it if late samples are
   * useless.
   *
   * The default is the age above which AMP rejects a sample.
   *
   * @default Duration.hours(1)
   */
  readonly maxEventAge?: Duration;
}
