/** Workspaces that are identified by an ARN: imported ones, and those of other construct libraries. */
import { ArnFormat, Duration, ResourceProps, Stack } from 'aws-cdk-lib';
import * as aps from 'aws-cdk-lib/aws-aps';
import { Construct } from 'constructs';
import { IPrometheusWorkspace, PrometheusWorkspaceBase } from './prometheus-workspace-base';
import { windowInProperties } from './window';

/** The identity of a workspace. */
export interface ImportedWorkspace {
  readonly workspaceArn: string;
  /** The public endpoint by default. */
  readonly prometheusEndpoint?: string;
  readonly outOfOrderTimeWindow?: Duration;
  /** The environment of the workspace. */
  readonly props: ResourceProps;
}

/** Creates a workspace in `scope` from its identity. */
export function importedWorkspace(scope: Construct, id: string, known: ImportedWorkspace): IPrometheusWorkspace {
  const { workspaceArn, prometheusEndpoint, outOfOrderTimeWindow, props } = known;
  const arn = Stack.of(scope).splitArn(workspaceArn, ArnFormat.SLASH_RESOURCE_NAME);

  class Imported extends PrometheusWorkspaceBase {
    public readonly workspaceArn = workspaceArn;
    public readonly workspaceId = arn.resourceName!;
    public readonly prometheusEndpoint = prometheusEndpoint ?? this.endpointOf(this.workspaceId, this.env.region);
    public readonly outOfOrderTimeWindow = outOfOrderTimeWindow;
  }
  return new Imported(scope, id, props);
}

/** Returns `workspace` if it is one of this library's; otherwise imports it by its ARN, as a child of it. */
export function workspaceOf(workspace: aps.IWorkspaceRef): IPrometheusWorkspace {
  if ('remoteWriteUrl' in workspace) return workspace as IPrometheusWorkspace;
  const id = 'PrometheusWorkspace';
  return (
    (workspace.node.tryFindChild(id) as IPrometheusWorkspace | undefined) ??
    importedWorkspace(workspace as unknown as Construct, id, {
      workspaceArn: workspace.workspaceRef.workspaceArn,
      outOfOrderTimeWindow: windowInProperties(workspace),
      props: { account: workspace.env.account, region: workspace.env.region },
    })
  );
}
