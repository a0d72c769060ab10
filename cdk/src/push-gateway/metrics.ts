/** CloudWatch metrics of a push gateway. */
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { IConstruct } from 'constructs';
import { accountOf } from '../shared/elsewhere';

/** The metrics that the function publishes itself, with the statistic of each. */
const STATISTICS = {
  Events: 'Sum',
  Samples: 'Sum',
  InvalidEvents: 'Sum',
  RejectedEvents: 'Sum',
  FailedEvents: 'Sum',
  DeduplicatedEvents: 'Sum',
  SpilledEvents: 'Sum',
  WriteRequests: 'Sum',
  WriteRetries: 'Sum',
  WriteLatency: 'Average',
} as const;

/** A metric that the function publishes. */
export function functionMetric(
  fn: lambda.IFunction,
  metricName: keyof typeof STATISTICS,
  props?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'PrometheusPushGateway',
    metricName,
    statistic: STATISTICS[metricName],
    ...props,
    dimensionsMap: { FunctionName: fn.functionName, ...props?.dimensionsMap },
  }).attachTo(fn);
}

/** The answers of the function URL with an error status. */
export function urlErrors(
  fn: lambda.IFunction,
  metricName: 'Url4xxCount' | 'Url5xxCount',
  props?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return fn.metric(metricName, { statistic: 'Sum', ...props });
}

/** The age of the oldest message, for use in the stack of `scope`. */
export function ageOfOldestMessage(
  scope: IConstruct,
  queue: sqs.IQueue,
  props?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return queue.metricApproximateAgeOfOldestMessage({ account: accountOf(queue.env, scope), ...props });
}

/** The number of messages, for use in the stack of `scope`. */
export function visibleMessages(
  scope: IConstruct,
  queue: sqs.IQueue,
  props?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return queue.metricApproximateNumberOfMessagesVisible({ account: accountOf(queue.env, scope), ...props });
}
