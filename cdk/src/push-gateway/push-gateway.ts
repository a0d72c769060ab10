import * as apigatewayv2 from 'aws-cdk-lib/aws-apigatewayv2';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as iot from 'aws-cdk-lib/aws-iot';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { checked, grantReceive, grantSend } from '../shared/grants';
import { validate } from '../shared/validate';
import { IPrometheusWorkspace, PrometheusWorkspace } from '../workspace';
import { workspaceOf } from '../workspace/imported-workspace';
import { defaultWindow } from '../workspace/window';
import { PushGatewayAlarmOptions, PushGatewayAlarms, alarms } from './alarms';
import { dashboard } from './dashboard';
import { settingsOf } from './defaults';
import { AlbTargetOptions, HttpApiOptions, HttpEndpointOptions } from './http-endpoint-options';
import { HttpEndpoints } from './http-endpoints';
import { IotRuleOptions, iotRule } from './iot-rule';
import { ageOfOldestMessage, functionMetric, urlErrors, visibleMessages } from './metrics';
import { gatewayProblems } from './problems';
import { pushFunction } from './push-function';
import { PrometheusPushGatewayProps } from './push-gateway-props';
import { deadLetterQueueOf, givenQueueProblems, queueOf, warnOfQueue, warnOfWindow } from './queues';
import { variablesOf } from './variables';

/**
 * A pipeline that writes metrics to Amazon Managed Service for Prometheus (AMP): a queue for producers, a function that
 * writes the messages, a dead-letter queue for rejected messages, and a workspace. Methods add HTTP endpoints, to which
 * every Pushgateway client can push.
 *
 * @example
 * const gateway = new PrometheusPushGateway(this, 'Metrics');
 * gateway.grantSendMessages(producer);
 */
export class PrometheusPushGateway extends Construct implements iam.IGrantable, ec2.IConnectable {
  /** The function that writes the metrics. */
  public readonly function: lambda.Function;

  /** The queue that producers send to. Undefined if `directInvokeOnly` is set. */
  public readonly queue?: sqs.IQueue;

  /** The queue of messages that could not be written. */
  public readonly deadLetterQueue: sqs.IQueue;

  /** The workspace that the metrics are written to. */
  public readonly workspace: IPrometheusWorkspace;

  /** The principal of the function. */
  public readonly grantPrincipal: iam.IPrincipal;

  /** Whether failed asynchronous invocations have no destination. False if the function is given. */
  private readonly losesFailedInvocations: boolean;

  private readonly endpoints: HttpEndpoints;

  /**
   * @param scope the parent construct
   * @param id the identifier of the construct
   * @param props settings of the gateway
   */
  constructor(scope: Construct, id: string, props: PrometheusPushGatewayProps = {}) {
    super(scope, id);
    const settings = settingsOf(props);
    const { outOfOrderTimeWindow } = props;
    const givenWorkspace = props.workspace && workspaceOf(props.workspace);
    validate(this, [...gatewayProblems(props, settings, givenWorkspace), ...givenQueueProblems(this, props, settings)]);

    this.workspace = givenWorkspace ?? new PrometheusWorkspace(this, 'Workspace', { outOfOrderTimeWindow });
    this.deadLetterQueue = deadLetterQueueOf(this, props, settings);
    this.queue = queueOf(this, props, settings, this.deadLetterQueue);
    this.function = props.function ?? pushFunction(this, props, settings, this.deadLetterQueue);
    this.grantPrincipal = this.function.grantPrincipal;
    this.endpoints = new HttpEndpoints(this, this, props.httpDelivery);
    this.losesFailedInvocations = !props.function && !props.onFailure && this.deadLetterQueue.fifo;

    for (const [name, value] of Object.entries(variablesOf(this, this, props))) {
      this.function.addEnvironment(name, value);
    }
    this.workspace.grantRemoteWrite(this);

    if (props.queue) warnOfQueue(this, props.queue, settings);
    if (this.queue) {
      const window = outOfOrderTimeWindow ?? this.workspace.outOfOrderTimeWindow ?? defaultWindow(props.workspace);
      warnOfWindow(this, this.queue, props.workspace ?? this.workspace, window);
      grantReceive(this, this.queue, this);
      grantSend(this, this.deadLetterQueue, this);
      this.function.addEventSourceMapping('Queue', {
        eventSourceArn: this.queue.queueArn,
        batchSize: settings.batchSize,
        maxBatchingWindow: settings.maxBatchingWindow,
        maxConcurrency: props.maxConcurrency,
        // The function returns the messages to redeliver; without this, one such message would redeliver the batch.
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
   * @param grantee the principal
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
   * @param grantee the principal
   */
  public grantSendMessages(grantee: iam.IGrantable): iam.Grant {
    return checked(this, grantee, this.queueFor('grantSendMessages').grantSendMessages(grantee));
  }

  /**
   * Adds an IoT rule that sends messages to the gateway.
   *
   * @param id the identifier of the rule, unique in the gateway
   * @param options its SQL statement and target
   */
  public addIotRule(id: string, options: IotRuleOptions): iot.CfnTopicRule {
    return iotRule(this, this, id, options, this.losesFailedInvocations);
  }

  /**
   * Adds a function URL, to which Pushgateway clients push over the internet: the simplest endpoint. It has no CORS. If the
   * `auth` is not `HttpAuth.iam`, anyone can call it, and the function authenticates.
   *
   * @param options its authentication
   */
  public addFunctionUrl(options: HttpEndpointOptions): lambda.FunctionUrl {
    return this.endpoints.functionUrl(options);
  }

  /**
   * Adds an HTTP API of API Gateway, to which Pushgateway clients push over the internet. It limits the rate of requests,
   * writes an access log, and can have a custom domain. It has no CORS.
   *
   * @param options its authentication, limits and stage
   */
  public addHttpApi(options: HttpApiOptions): apigatewayv2.HttpApi {
    return this.endpoints.httpApi(options);
  }

  /**
   * Creates a target group for the listener of an application load balancer, to which Pushgateway clients push in a VPC.
   * The load balancer limits bodies to 1 MB and checks `/-/healthy`, which invokes the function.
   *
   * @param options its authentication and headers
   */
  public addAlbTarget(options: AlbTargetOptions): elbv2.ApplicationTargetGroup {
    return this.endpoints.albTarget(options);
  }

  /**
   * The secret of endpoints with `HttpAuth.secret`: the given one, or the one that was created. Undefined without such an
   * endpoint.
   */
  public get httpSecret(): secretsmanager.ISecret | undefined {
    return this.endpoints.secret;
  }

  /**
   * Grants pushing to the endpoints with `HttpAuth.iam` that were added before:
   *
   *  - `lambda:InvokeFunctionUrl`, and `lambda:InvokeFunction` through the URL only, for a function URL
   *  - `execute-api:Invoke` on the stage of an HTTP API
   *
   * @param grantee the principal
   */
  public grantPush(grantee: iam.IGrantable): iam.Grant {
    return this.endpoints.grantPush(grantee);
  }

  /**
   * Adds alarms on dead letters, the age of the oldest message, errors, throttles, samples that the workspace discards,
   * and errors of HTTP endpoints. Each notifies the topic when it is raised and when it is over.
   *
   * The policies of the topics and of their keys let `cloudwatch.amazonaws.com` publish for alarms of the account. For an
   * imported topic or key, a warning shows the statement to add. Another warning lists metrics that alarms cannot watch.
   *
   * @param topic the topic that gets the notifications
   * @param options thresholds, and additional topics
   */
  public addAlarms(topic: sns.ITopic, options: PushGatewayAlarmOptions = {}): PushGatewayAlarms {
    return alarms(this, this, this.endpoints, topic, options);
  }

  /**
   * Adds a CloudWatch dashboard: events, writes, latency and losses.
   *
   * @param props for example its name and time range
   */
  public addDashboard(props: cloudwatch.DashboardProps = {}): cloudwatch.Dashboard {
    return dashboard(this, this, props);
  }

  /**
   * Events received: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricEvents(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'Events', props);
  }

  /**
   * Samples delivered: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricSamples(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'Samples', props);
  }

  /**
   * Invalid events: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricInvalidEvents(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'InvalidEvents', props);
  }

  /**
   * Events rejected by AMP: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricRejectedEvents(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'RejectedEvents', props);
  }

  /**
   * Events that could not be delivered; the queue redelivers its own: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricFailedEvents(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'FailedEvents', props);
  }

  /**
   * Events of an HA replica that AMP has not elected, which are not stored: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricDeduplicatedEvents(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'DeduplicatedEvents', props);
  }

  /**
   * Events of HTTP requests that went to the queue, to be delivered from there: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricSpilledEvents(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'SpilledEvents', props);
  }

  /**
   * Write requests, without retries: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricWriteRequests(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'WriteRequests', props);
  }

  /**
   * Retries of write requests: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricWriteRetries(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'WriteRetries', props);
  }

  /**
   * Time of a write request including its retries, in milliseconds: average over 5 minutes.
   * @param props changes to the metric
   */
  public metricWriteLatency(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return functionMetric(this.function, 'WriteLatency', props);
  }

  /**
   * Failed invocations: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricErrors(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.function.metricErrors(props);
  }

  /**
   * Throttled invocations: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricThrottles(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.function.metricThrottles(props);
  }

  /**
   * Answers of the function URL with a status of 400 to 499: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricUrlClientErrors(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return urlErrors(this.function, 'Url4xxCount', props);
  }

  /**
   * Answers of the function URL with a status of 500 to 599: sum over 5 minutes.
   * @param props changes to the metric
   */
  public metricUrlServerErrors(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return urlErrors(this.function, 'Url5xxCount', props);
  }

  /**
   * Age of the oldest message in the queue, in seconds: maximum over 5 minutes.
   * @param props changes to the metric
   */
  public metricApproximateAgeOfOldestMessage(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return ageOfOldestMessage(this, this.queueFor('metricApproximateAgeOfOldestMessage'), props);
  }

  /**
   * Messages in the dead-letter queue: maximum over 5 minutes.
   * @param props changes to the metric
   */
  public metricDeadLetters(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return visibleMessages(this, this.deadLetterQueue, props);
  }

  private queueFor(method: string): sqs.IQueue {
    if (!this.queue) {
      throw new Error(`${this.node.path}: ${method} requires a queue, but directInvokeOnly is true`);
    }
    return this.queue;
  }
}
