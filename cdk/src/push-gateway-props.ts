import { Duration } from 'aws-cdk-lib';
import * as aps from 'aws-cdk-lib/aws-aps';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { NameEscaping } from './name-escaping';

/**
 * How a push gateway is set up. Every prop is optional.
 */
export interface PrometheusPushGatewayProps {
  /**
   * The workspace that samples are written to: a `PrometheusWorkspace`, or any other construct of one, such as
   * `aps.CfnWorkspace`. Give one to share it, or to set it up yourself.
   *
   * @default - a new `PrometheusWorkspace` with its defaults
   */
  readonly workspace?: aps.IWorkspaceRef;

  /**
   * The queue that producers send to, in the region of the stack. The function gets permission to receive from it; its
   * visibility timeout must be at least six times the function's timeout plus the batching window, which is not known of
   * an imported queue. Give one that exists already.
   *
   * @default - a new encrypted queue that refuses connections without TLS
   */
  readonly queue?: sqs.IQueue;

  /**
   * Whether there is no queue: the function is invoked directly, synchronously or not. Choose it for producers that
   * want the answer, or that retry themselves.
   *
   * @default false
   */
  readonly directInvokeOnly?: boolean;

  /**
   * Whether the queues that are made are FIFO queues, which keep the order of the messages of a group. Samples of one
   * batch are put in order anyway, and a standard queue carries ten thousand messages a batch instead of ten, so this
   * pays only for series that must never use the out-of-order time window. IoT Core cannot send to FIFO queues.
   *
   * Messages with the same content are taken once within 5 minutes, unless they have deduplication IDs.
   *
   * @default false
   */
  readonly fifo?: boolean;

  /**
   * The queue for what can never be written: invalid events and samples that AMP refuses, each with its reason, at
   * once; what was received `maxReceiveCount` times; and asynchronous invokes that failed. It is in the region of the
   * stack, and another queue than `queue`. Give one to gather the dead letters of several gateways.
   *
   * @default - that of the given `queue` if it has one in this app, else a new queue that keeps messages for 14 days
   */
  readonly deadLetterQueue?: sqs.IQueue;

  /**
   * How often a message is received before the queue moves it to the dead-letter queue: 5 to 1000. What is wrong with
   * an event itself is found at the first time, so this is only about AMP or the network being down.
   *
   * The default rides out half an hour (10 times the visibility timeout of 190 s). AMP refuses samples older than an
   * hour, so there is no use in much more.
   *
   * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
   * @default 10
   */
  readonly maxReceiveCount?: number;

  /**
   * How long a message that was received is hidden from others: at least six times `timeout` plus `maxBatchingWindow`,
   * at most 12 hours. It is also the time after which a message that could not be delivered is tried again.
   *
   * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
   * @default - six times `timeout` plus `maxBatchingWindow`
   */
  readonly visibilityTimeout?: Duration;

  /**
   * The KMS key that encrypts the queues that are made. Use it when you have to control who can read their messages.
   *
   * @default - a key that SQS manages
   */
  readonly queueEncryptionKey?: kms.IKey;

  /**
   * The most messages in one invocation: 1 to 10,000, or 10 with a FIFO queue. Lambda's limit of 6 MB ends a batch
   * earlier when messages are large. Lower it if one failing batch may not delay so many messages.
   *
   * The default is the largest: fewer invocations, and more samples of a series in order and in one write request. The
   * smallest function takes a full batch.
   *
   * @default - 10000, or 10 with a FIFO queue
   */
  readonly batchSize?: number;

  /**
   * How long Lambda gathers a batch: 0 to 300 seconds; 1 second or more with a `batchSize` above 10; not with a FIFO
   * queue. Shorten it to see samples sooner.
   *
   * With the default, events of one series that were sent up to 10 seconds apart travel in the same batch, in which
   * they are put in order.
   *
   * @default - Duration.seconds(10), or none with a FIFO queue
   */
  readonly maxBatchingWindow?: Duration;

  /**
   * The most batches that are worked on at the same time: 2 to 1000, and at most `reservedConcurrentExecutions`. Set it
   * to protect other functions' share of the account's concurrency, or the workspace.
   *
   * @default - no maximum: Lambda scales with the queue, up to 1,250
   */
  readonly maxConcurrency?: number;

  /**
   * The function that runs. Give one to run it with settings that are not here: `PROVIDED_AL2023` as runtime or a
   * container image, and code that follows the contract of the gateway's. The gateway adds environment variables, permissions and the event source;
   * what becomes of its asynchronous invokes is up to the function.
   *
   * @default - a new function
   */
  readonly function?: lambda.Function;

  /**
   * The name of the function: 1 to 64 letters, digits, hyphens and underscores. Set it if producers invoke the function
   * by a name that is written down elsewhere.
   *
   * @default - a generated name
   */
  readonly functionName?: string;

  /**
   * The concurrency that is kept for the function, and which it cannot exceed: an integer of at least 0. With 0 it does
   * not run at all. Set it to guarantee its share of the account's concurrency; use `maxConcurrency` to limit it alone,
   * since batches that are throttled count as received.
   *
   * @default - the unreserved concurrency of the account
   */
  readonly reservedConcurrentExecutions?: number;

  /**
   * The architecture of the function: ARM_64 or X86_64. Change it if only the other one has been built, or for `code`.
   *
   * The default costs a fifth less per GB-second.
   *
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * The code of the function: a folder or zip with an executable file `bootstrap` for `architecture`. Set it to run a
   * build of your own.
   *
   * @default - the function that this package carries, for `architecture`
   */
  readonly code?: lambda.Code;

  /**
   * The memory of the function: 128 to 10,240 MB. CPU comes with it. More memory shortens invocations if batches are
   * large and direct invokes are waited for.
   *
   * The default is the smallest: a full batch needs less than 40 MB.
   *
   * @default 128
   */
  readonly memorySize?: number;

  /**
   * The time that an invocation has: 10 to 900 seconds. The function retries until half a second before it ends.
   *
   * A single attempt may take 10 seconds, so the default leaves room for a second and a third. A longer one makes
   * `visibilityTimeout`, and with it the delay of a redelivery, six times as much longer.
   *
   * @default Duration.seconds(30)
   */
  readonly timeout?: Duration;

  /**
   * The log group of the function. Give one to share it, or to encrypt it with your key.
   *
   * @default - a new one, which is removed with the gateway
   */
  readonly logGroup?: logs.ILogGroup;

  /**
   * How long the log group that is made keeps logs. The function writes two lines per invocation, so longer costs little.
   *
   * @default logs.RetentionDays.ONE_MONTH
   */
  readonly logRetention?: logs.RetentionDays;

  /**
   * How much the function logs, as JSON. Lower it to find out what happens in an invocation, raise it to save the line
   * of each. Its CloudWatch metrics are log lines too, which are written at every level.
   *
   * @default lambda.ApplicationLogLevel.INFO
   */
  readonly logLevel?: lambda.ApplicationLogLevel;

  /**
   * Whether X-Ray traces invocations: ACTIVE, PASS_THROUGH or DISABLED. Traces cost extra, and the permission to write
   * them cannot be limited to a resource.
   *
   * @default lambda.Tracing.DISABLED
   */
  readonly tracing?: lambda.Tracing;

  /**
   * The VPC in which the function runs. It needs a way to AMP and to SQS: a NAT gateway, or interface endpoints for
   * `aps-workspaces` (see `PrometheusWorkspace.addInterfaceEndpoint`) and `sqs`. Set it if the workspace may be reached
   * from the VPC only.
   *
   * @default - not in a VPC
   */
  readonly vpc?: ec2.IVpc;

  /**
   * The subnets of `vpc` in which the function runs. Set it if there are no private ones with a way out.
   *
   * @default - private subnets
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * The security groups of the function in `vpc`. They have to let out HTTPS. Give one to restrict the rest, or to be
   * let in by others.
   *
   * @default - a new one that lets everything out
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * Labels that every series gets, by name, such as `{ env: 'prod' }`. A label of an event with the same name wins.
   * Names match `[a-zA-Z_][a-zA-Z0-9_]*`. Set them to tell gateways of one workspace apart.
   *
   * @default - none
   */
  readonly externalLabels?: { [name: string]: string };

  /**
   * What becomes of names outside the Prometheus charset. Refuse them if two names that differ in such a character only
   * must not become one.
   *
   * @default NameEscaping.UNDERSCORES
   */
  readonly nameEscaping?: NameEscaping;

  /**
   * More environment variables for the function, such as `RUST_LOG`. Those that other props set cannot be given here.
   *
   * @default - none
   */
  readonly environment?: { [name: string]: string };

  /**
   * The KMS key that encrypts the environment variables of the function, which may use it to decrypt them. Use it when
   * you have to control who can read them; there is no secret among those that the gateway sets.
   *
   * @default - a key that Lambda manages
   */
  readonly environmentEncryption?: kms.IKey;

  /**
   * Where asynchronous invokes go that failed for good, such as those of IoT Core's Lambda action. Set it to keep them
   * apart from other dead letters: Lambda wraps the event in a record of the invocation.
   *
   * @default - the dead-letter queue; none if that is a FIFO queue, which Lambda does not take
   */
  readonly onFailure?: lambda.IDestination;

  /**
   * How often an asynchronous invoke is tried again: 0 to 2 times. Lower it if late samples are worth nothing.
   *
   * @default 2
   */
  readonly retryAttempts?: number;

  /**
   * How long an asynchronous invoke may wait before it fails: 60 seconds to 6 hours. Shorten it if late samples are
   * worth nothing.
   *
   * The default is the age beyond which AMP refuses a sample.
   *
   * @default Duration.hours(1)
   */
  readonly maxEventAge?: Duration;
}
