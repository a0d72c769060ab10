/** CloudWatch metrics that AMP publishes. */
import { IResource } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { namedEnvironment } from '../shared/elsewhere';

/** The part of a workspace that identifies its metrics. */
interface Workspace extends IResource {
  readonly workspaceId: string;
}

/** A metric of a workspace in `AWS/Prometheus`. */
export function workspaceMetric(
  workspace: Workspace,
  metricName: string,
  statistic: string,
  dimensions: Record<string, string>,
  props?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'AWS/Prometheus',
    metricName,
    statistic,
    ...namedEnvironment(workspace.env, workspace),
    ...props,
    dimensionsMap: { Workspace: workspace.workspaceId, ...dimensions, ...props?.dimensionsMap },
  }).attachTo(workspace);
}

/** The usage of a quota by a workspace, in `AWS/Usage`. */
export function usageMetric(
  workspace: Workspace,
  resource: string,
  props?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'AWS/Usage',
    metricName: 'ResourceCount',
    label: resource,
    statistic: 'Maximum',
    ...namedEnvironment(workspace.env, workspace),
    ...props,
    dimensionsMap: {
      Class: 'None',
      Resource: resource,
      ResourceId: workspace.workspaceId,
      Service: 'Prometheus',
      Type: 'Resource',
      ...props?.dimensionsMap,
    },
  }).attachTo(workspace);
}
