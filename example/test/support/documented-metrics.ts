/** The metrics of AWS that the dashboards show, as AWS documents them, with values for their dimensions. */

import type { Metric } from './cloudwatch.js';

function metrics(namespace: string, dimensions: Readonly<Record<string, string>>, ...names: string[]): Metric[] {
  return names.map((name) => ({ namespace, name, dimensions }));
}

/** https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html and urls-monitoring.html */
export function lambdaMetrics(FunctionName: string): Metric[] {
  const own = ['Invocations', 'Errors', 'Throttles', 'Duration', 'ConcurrentExecutions'];
  const url = ['UrlRequestCount', 'Url4xxCount', 'Url5xxCount', 'UrlRequestLatency'];
  return metrics('AWS/Lambda', { FunctionName }, ...own, ...url);
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html */
export function queueMetrics(QueueName: string): Metric[] {
  return metrics(
    'AWS/SQS',
    { QueueName },
    'ApproximateAgeOfOldestMessage',
    'ApproximateNumberOfMessagesNotVisible',
    'ApproximateNumberOfMessagesVisible',
  );
}

/** https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-CW-usage-metrics.html */
export function workspaceMetrics(Workspace: string): Metric[] {
  const resources = [
    'ActiveAlerts',
    'ActiveSeries',
    'AllRules',
    'GetLabelsTPS',
    'GetSeriesTPS',
    'IngestionRate',
    'QueryMetricsTPS',
    'RemoteWriteTPS',
  ];
  const usage = { Class: 'None', ResourceId: Workspace, Service: 'Prometheus', Type: 'Resource' };
  return [
    ...resources.flatMap((Resource) => metrics('AWS/Usage', { ...usage, Resource }, 'ResourceCount')),
    ...metrics(
      'AWS/Prometheus',
      { Workspace },
      'AlertManagerAlertsReceived',
      'AlertManagerNotificationsFailed',
      'AlertManagerNotificationsThrottled',
      'QuerySamplesProcessed',
    ),
    ...['p50', 'p99', 'max'].flatMap((Percentile) =>
      metrics('AWS/Prometheus', { Workspace, Percentile }, 'OutOfOrderSampleAge'),
    ),
    ...metrics('AWS/Prometheus', { Workspace, Reason: 'sample-too-old' }, 'DiscardedSamples'),
    ...metrics(
      'AWS/Prometheus',
      { Workspace, RuleGroup: 'namespace;group' },
      'RuleEvaluationFailures',
      'RuleGroupIterationsMissed',
    ),
  ];
}
