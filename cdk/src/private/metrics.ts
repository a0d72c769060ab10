/** CloudWatch metrics: the names and dimensions under which AMP and the function publish. */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IPrometheusWorkspace } from '../prometheus-workspace-base';
import { namedEnvironment } from './elsewhere';

/** What all metrics here have unless a caller wants another. */
export const PERIOD = Duration.minutes(5);

/** The namespace of the function's embedded metrics. */
export const FUNCTION_NAMESPACE = 'PrometheusPushGateway';

/** A metric of a workspace in `AWS/Prometheus`. */
export function workspaceMetric(
  workspace: IPrometheusWorkspace,
  metricName: string,
  statistic: string,
  dimensions: Record<string, string>,
  props?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'AWS/Prometheus',
    metricName,
    statistic,
    period: PERIOD,
    ...namedEnvironment(workspace.env, workspace),
    ...props,
    dimensionsMap: { Workspace: workspace.workspaceId, ...dimensions, ...props?.dimensionsMap },
  }).attachTo(workspace);
}

/** How much of a quota a workspace uses, in `AWS/Usage`. */
export function usageMetric(
  workspace: IPrometheusWorkspace,
  resource: string,
  props?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'AWS/Usage',
    metricName: 'ResourceCount',
    label: resource,
    statistic: 'Maximum',
    period: PERIOD,
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

/** A metric that the function publishes about its work. */
export function functionMetric(
  fn: lambda.IFunction,
  metricName: string,
  statistic: string,
  props?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: FUNCTION_NAMESPACE,
    metricName,
    statistic,
    period: PERIOD,
    ...props,
    dimensionsMap: { FunctionName: fn.functionName, ...props?.dimensionsMap },
  }).attachTo(fn);
}
