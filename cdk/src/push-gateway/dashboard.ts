/** Creates the dashboard of a push gateway. */
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { namedEnvironment } from '../shared/elsewhere';
import { ageOfOldestMessage, functionMetric, visibleMessages } from './metrics';
import { GatewayParts } from './parts';

/** Creates the dashboard in `scope`. */
export function dashboard(
  scope: Construct,
  parts: GatewayParts,
  props: cloudwatch.DashboardProps,
): cloudwatch.Dashboard {
  const { function: fn, queue, deadLetterQueue, workspace } = parts;
  const made = new cloudwatch.Dashboard(scope, 'Dashboard', props);
  const graph = (title: string, left: cloudwatch.IMetric[], right: cloudwatch.IMetric[] = []) =>
    new cloudwatch.GraphWidget({ title, left, right, width: 8, height: 6 });
  const own = (...names: Parameters<typeof functionMetric>[1][]) => names.map((name) => functionMetric(fn, name));
  const latency = (statistic: string) => functionMetric(fn, 'WriteLatency', { statistic, label: statistic });

  made.addWidgets(
    graph(
      'Events',
      own('Events'),
      own('InvalidEvents', 'RejectedEvents', 'FailedEvents', 'DeduplicatedEvents', 'SpilledEvents'),
    ),
    graph('Samples and write requests', own('Samples'), own('WriteRequests', 'WriteRetries')),
    graph('Latency of a write request', [latency('p50'), latency('p99')]),
  );
  made.addWidgets(
    graph('Invocations', [fn.metricInvocations()], [fn.metricErrors(), fn.metricThrottles()]),
    graph('Duration', [fn.metricDuration({ statistic: 'p50' }), fn.metricDuration({ statistic: 'p99' })]),
    queue
      ? graph(
          'Queue',
          [queue.metricApproximateNumberOfMessagesVisible(), queue.metricApproximateNumberOfMessagesNotVisible()],
          [ageOfOldestMessage(scope, queue)],
        )
      : graph('Concurrency', [fn.metric('ConcurrentExecutions', { statistic: 'Maximum' })]),
  );
  made.addWidgets(
    graph(
      'Lost: dead letters and discarded samples',
      [visibleMessages(scope, deadLetterQueue, { label: 'Dead letters' })],
      [workspace.metricDiscardedSamples(namedEnvironment(workspace.env, scope))],
    ),
    graph('Workspace', [workspace.metricIngestionRate()], [workspace.metricActiveSeries()]),
    graph('Age of out-of-order samples', [workspace.metricOutOfOrderSampleAge()]),
  );
  return made;
}
