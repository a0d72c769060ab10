import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as iot from 'aws-cdk-lib/aws-iot';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { IotRuleOptions } from './iot-rule-options';
import { alarms } from './private/alarms';
import { dashboard } from './private/dashboard';
import { defaultsOf } from './private/defaults';
import { environmentOf } from './private/environment';
import { gatewayProblems } from './private/gateway-problems';
import { accountOf } from './private/elsewhere';
import { checked, grantReceive, grantSend } from './private/grants';
import { workspaceOf } from './private/imported-workspace';
import { iotRule } from './private/iot-rule';
import { functionMetric } from './private/metrics';
import { pushFunction } from './private/push-function';
import { deadLetterQueueOf, queueOf } from './private/queues';
import { givenQueueProblems, warnOfQueue } from './private/queue-problems';
import { validate } from './private/validate';
import { PrometheusWorkspace } from './prometheus-workspace';
import { IPrometheusWorkspace } from './prometheus-workspace-base';
import { PushGatewayAlarmOptions, PushGatewayAlarms } from './push-gateway-alarms';
import { PrometheusPushGatewayProps } from './push-gateway-props';

/**
 * A pipeline that writes metrics, sent as JSON, to Amazon Managed Service for Prometheus (AMP): a queue that producers
 * send to, a function that writes what is in it, a dead-letter queue for what cannot be written, and a workspace.
 *
 * @example
 * const gateway = new PrometheusPushGateway(this, 'Metrics');
 * gateway.grantSendMessages(producer);
 */
export class PrometheusPushGateway extends Construct implements iam.IGrantable, ec2.IConnectable {
  /** The function that writes the metrics. */
  public readonly function: lambda.Function;

  /** The queue that producers send to, unless there is to be none. */
  public readonly queue?: sqs.IQueue;

  /** The queue with what could not be written. */
  public readonly deadLetterQueue: sqs.IQueue;

  /** The workspace that the metrics are written to. */
  public readonly workspace: IPrometheusWorkspace;

  /** The principal of the function. */
  public readonly grantPrincipal: iam.IPrincipal;

  /** Whether asynchronous invokes that failed go nowhere, as far as it is known. */
  private readonly losesFailedInvokes: boolean;

  /**
   * @param scope the parent construct
   * @param id the identifier of the construct
   * @param props how the gateway is set up
   */
  constructor(scope: Construct, id: string, props: PrometheusPushGatewayProps = {}) {
    super(scope, id);
    const defaults = defaultsOf(props);
    validate(this, [...gatewayProblems(props, defaults), ...givenQueueProblems(this, props, defaults)]);

    this.workspace = props.workspace ? workspaceOf(props.workspace) : new PrometheusWorkspace(this, 'Workspace');
    this.deadLetterQueue = deadLetterQueueOf(this, props, defaults);
    this.queue = queueOf(this, props, defaults, this.deadLetterQueue);
    this.function = props.function ?? pushFunction(this, props, defaults, this.deadLetterQueue);
    this.grantPrincipal = this.function.grantPrincipal;
    this.losesFailedInvokes = !props.function && !props.onFailure && this.deadLetterQueue.fifo;

    const variables = environmentOf(this, {
      workspace: this.workspace,
      // What is wrong with an event that was invoked directly is in the answer.
      deadLetterQueue: this.queue && this.deadLetterQueue,
      externalLabels: props.externalLabels,
      nameEscaping: props.nameEscaping,
    });
    for (const [name, value] of Object.entries(variables)) {
      this.function.addEnvironment(name, value);
    }
    this.workspace.grantRemoteWrite(this);

    if (props.queue) warnOfQueue(this, props.queue, defaults);
    if (this.queue) {
      grantReceive(this, this.queue, this);
      grantSend(this, this.deadLetterQueue, this);
      this.function.addEventSourceMapping('Queue', {
        eventSourceArn: this.queue.queueArn,
        batchSize: defaults.batchSize,
        maxBatchingWindow: defaults.maxBatchingWindow,
        maxConcurrency: props.maxConcurrency,
        // The function answers with the messages that are to come back; without this a single one brings back all.
        reportBatchItemFailures: true,
      });
    }
  }

  /** The network connections of the function, if it is in a VPC. */
  public get connections(): ec2.Connections {
    return this.function.connections;
  }

  /**
   * Grants invoking the function directly:
   *
   *  - `lambda:InvokeFunction`
   *
   * @param grantee the principal that may
   */
  public grantInvoke(grantee: iam.IGrantable): iam.Grant {
    return checked(this, grantee, this.function.grantInvoke(grantee));
  }

  /**
   * Grants sending to the queue, and using its key if it has one:
   *
   *  - `sqs:SendMessage`
   *  - `sqs:GetQueueAttributes`
   *  - `sqs:GetQueueUrl`
   *
   * @param grantee the principal that may
   */
  public grantSendMessages(grantee: iam.IGrantable): iam.Grant {
    return checked(this, grantee, this.queueFor('grantSendMessages').grantSendMessages(grantee));
  }

  /**
   * Adds an IoT rule that feeds the gateway.
   *
   * @param id the identifier of the rule, unique in the gateway
   * @param options what it selects, and the way it takes
   */
  public addIotRule(id: string, options: IotRuleOptions): iot.CfnTopicRule {
    return iotRule(this, id, options, this.losesFailedInvokes);
  }

  /**
   * Adds alarms for what a person has to look at: dead letters, the age of the oldest message, errors, throttles, and
   * samples that the workspace discards. They notify when they go off and when they are over.
   *
   * The policies of the topics and of their keys let `cloudwatch.amazonaws.com` publish for alarms of the account. For an
   * imported topic or key, a warning shows the statement to add; another names what the alarms cannot watch.
   *
   * @param topic the topic that gets the notifications
   * @param options when the alarms go off, and further topics
   */
  public addAlarms(topic: sns.ITopic, options: PushGatewayAlarmOptions = {}): PushGatewayAlarms {
    return alarms(this, topic, options);
  }

  /**
   * Adds a CloudWatch dashboard: what arrives, what is written, how long it takes, what is lost.
   *
   * @param props its name and time range, for example
   */
  public addDashboard(props: cloudwatch.DashboardProps = {}): cloudwatch.Dashboard {
    return dashboard(this, this, props);
  }

  /**
   * Events that arrived: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricEvents(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'Events', 'Sum', props);
  }

  /**
   * Samples that were delivered: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricSamples(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'Samples', 'Sum', props);
  }

  /**
   * Events that were invalid: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricInvalidEvents(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'InvalidEvents', 'Sum', props);
  }

  /**
   * Events that AMP refused: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricRejectedEvents(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'RejectedEvents', 'Sum', props);
  }

  /**
   * Events that could not be delivered at the time, and come back if they came through the queue: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricFailedEvents(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'FailedEvents', 'Sum', props);
  }

  /**
   * Write requests that were sent, retries not counted: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricWriteRequests(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'WriteRequests', 'Sum', props);
  }

  /**
   * Write requests that were sent again: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricWriteRetries(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'WriteRetries', 'Sum', props);
  }

  /**
   * How long a write request takes with its retries, in milliseconds: average over 5 minutes.
   * @param props changes to the metric
   */
  public metricWriteLatency(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'WriteLatency', 'Average', props);
  }

  /**
   * Invocations that failed: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricErrors(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.function.metricErrors(props);
  }

  /**
   * Invocations that were throttled: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricThrottles(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.function.metricThrottles(props);
  }

  /**
   * The age of the oldest message in the queue, in seconds: maximum over 5 minutes.
   * @param props changes to the metric
   */
  public metricApproximateAgeOfOldestMessage(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const queue = this.queueFor('metricApproximateAgeOfOldestMessage');
    return queue.metricApproximateAgeOfOldestMessage({ account: accountOf(queue.env, this), ...props });
  }

  /**
   * Messages in the dead-letter queue: maximum over 5 minutes.
   * @param props changes to the metric
   */
  public metricDeadLetters(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const { deadLetterQueue } = this;
    return deadLetterQueue.metricApproximateNumberOfMessagesVisible({ account: accountOf(deadLetterQueue.env, this), ...props });
  }

  private queueFor(method: string): sqs.IQueue {
    if (!this.queue) {
      throw new Error(`${this.node.path}: ${method} needs a queue, but directInvokeOnly is true`);
    }
    return this.queue;
  }
}
