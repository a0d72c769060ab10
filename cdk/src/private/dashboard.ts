/** The dashboard: from what arrives, over what is written, to what is lost. */
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { PrometheusPushGateway } from '../push-gateway';
import { namedEnvironment } from './elsewhere';

/** Makes the dashboard of `gateway` in `scope`. */
export function dashboard(
  scope: Construct,
  gateway: PrometheusPushGateway,
  props: cloudwatch.DashboardProps,
): cloudwatch.Dashboard {
  const made = new cloudwatch.Dashboard(scope, 'Dashboard', props);
  const { queue, workspace } = gateway;
  const discarded = workspace.metricDiscardedSamples(namedEnvironment(workspace.env, scope));
  const graph = (title: string, left: cloudwatch.IMetric[], right: cloudwatch.IMetric[] = []) =>
    new cloudwatch.GraphWidget({ title, left, right, width: 8, height: 6 });
  const latency = (statistic: string) => gateway.metricWriteLatency({ statistic, label: statistic });

  made.addWidgets(
    graph('Events', [gateway.metricEvents()], [gateway.metricInvalidEvents(), gateway.metricRejectedEvents(), gateway.metricFailedEvents()]),
    graph('Samples and write requests', [gateway.metricSamples()], [gateway.metricWriteRequests(), gateway.metricWriteRetries()]),
    graph('Latency of a write request', [latency('p50'), latency('p99')]),
  );
  made.addWidgets(
    graph('Invocations', [gateway.function.metricInvocations()], [gateway.metricErrors(), gateway.metricThrottles()]),
    graph('Duration', [gateway.function.metricDuration({ statistic: 'p50' }), gateway.function.metricDuration({ statistic: 'p99' })]),
    queue
      ? graph(
          'Queue',
          [queue.metricApproximateNumberOfMessagesVisible(), queue.metricApproximateNumberOfMessagesNotVisible()],
          [gateway.metricApproximateAgeOfOldestMessage()],
        )
      : graph('Concurrency', [gateway.function.metric('ConcurrentExecutions', { statistic: 'Maximum' })]),
  );
  made.addWidgets(
    graph('Lost: dead letters and discarded samples', [gateway.metricDeadLetters({ label: 'Dead letters' })], [discarded]),
    graph('Workspace', [workspace.metricIngestionRate()], [workspace.metricActiveSeries()]),
    graph('Age of out-of-order samples', [workspace.metricOutOfOrderSampleAge()]),
  );
  return made;
}
