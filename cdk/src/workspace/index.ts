export { DiscardReason } from './discard-reason';
export {
  LabelSetLimit,
  PrometheusWorkspace,
  PrometheusWorkspaceAttributes,
  PrometheusWorkspaceProps,
  QueryLogging,
} from './prometheus-workspace';
export {
  IPrometheusWorkspace,
  PrometheusWorkspaceBase,
  WorkspaceInterfaceEndpointOptions,
} from './prometheus-workspace-base';
export { YamlDefinition } from './yaml-definition';
