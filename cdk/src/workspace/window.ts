/** The out-of-order time window: https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-workspace-configuration.html */
import { Duration, Token } from 'aws-cdk-lib';
import * as aps from 'aws-cdk-lib/aws-aps';
import { Problem, duration } from '../shared/validate';

/** The window of a workspace that sets none. */
const DEFAULT = Duration.seconds(60);

/** The problem of the prop `outOfOrderTimeWindow`. */
export function windowProblem(window: Duration | undefined): Problem {
  return duration('outOfOrderTimeWindow', window, Duration.seconds(0), Duration.seconds(600));
}

/** The window in the properties of a workspace in this app. */
export function windowInProperties(workspace: aps.IWorkspaceRef): Duration | undefined {
  const seconds = configurationOf(workspace)?.outOfOrderTimeWindowInSeconds;
  return seconds === undefined ? undefined : Duration.seconds(seconds);
}

/**
 * The default of AMP for a workspace in this app. A property override may set another window, which older versions of
 * aws-cdk-lib require.
 */
export function defaultWindow(workspace: aps.IWorkspaceRef | undefined): Duration | undefined {
  return workspace && configurationOf(workspace) && DEFAULT;
}

/** The configuration of a workspace in this app; undefined if it is known only at deployment. */
function configurationOf(workspace: aps.IWorkspaceRef): aps.CfnWorkspace.WorkspaceConfigurationProperty | undefined {
  const resource = workspace instanceof aps.CfnWorkspace ? workspace : workspace.node.defaultChild;
  if (!(resource instanceof aps.CfnWorkspace)) return undefined;
  const { workspaceConfiguration = {} } = resource;
  return Token.isUnresolved(workspaceConfiguration)
    ? undefined
    : (workspaceConfiguration as aps.CfnWorkspace.WorkspaceConfigurationProperty);
}
