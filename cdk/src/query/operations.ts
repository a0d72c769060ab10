/** The operations of the query functions: permissions, and default memory and timeout. */

/**
 * The operation of a query function, which is the name of its handler.
 */
export enum QueryOperation {
  /** Evaluates a PromQL expression at one point in time. */
  QUERY = 'query',
  /** Evaluates a PromQL expression over a range of time. */
  RANGE_QUERY = 'range_query',
  /** Lists the names of the metrics in a workspace. */
  LIST_METRICS = 'list_metrics',
  /** Returns the build and runtime information of the Prometheus server. */
  SERVER_INFO = 'server_info',
  /** Finds a workspace of the account by its alias or ID, or lists all. */
  FIND_WORKSPACE = 'find_workspace',
}

/** The function of an operation. */
export interface OperationFunction {
  /** The identifier of its construct. */
  readonly id: string;
  readonly description: string;
  /** Actions on the workspaces that may be queried: https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-and-IAM.html */
  readonly workspaceActions: string[];
  /** In MB. */
  readonly memorySize: number;
  /** In seconds. */
  readonly timeout: number;
}

const SMALL = { memorySize: 256, timeout: 30 };

/** The functions as lambda/query/README.md documents them. */
export const OPERATIONS: Record<QueryOperation, OperationFunction> = {
  [QueryOperation.QUERY]: {
    ...SMALL,
    id: 'Query',
    description: 'Evaluates a PromQL expression at one point in time',
    workspaceActions: ['aps:QueryMetrics'],
  },
  [QueryOperation.RANGE_QUERY]: {
    id: 'RangeQuery',
    description: 'Evaluates a PromQL expression over a range of time',
    workspaceActions: ['aps:QueryMetrics'],
    memorySize: 512,
    timeout: 60,
  },
  [QueryOperation.LIST_METRICS]: {
    ...SMALL,
    id: 'ListMetrics',
    description: 'Lists the names of the metrics in a Prometheus workspace',
    workspaceActions: ['aps:GetLabels', 'aps:GetMetricMetadata'],
  },
  [QueryOperation.SERVER_INFO]: {
    ...SMALL,
    id: 'ServerInfo',
    description: 'Reports which build of Prometheus answers and how it runs',
    workspaceActions: ['aps:QueryMetrics'],
  },
  [QueryOperation.FIND_WORKSPACE]: {
    ...SMALL,
    id: 'FindWorkspace',
    description: 'Finds a Prometheus workspace by its alias or ID',
    workspaceActions: [],
  },
};

/** The default: all operations except the one that may list every workspace of the account. */
export const DEFAULT_OPERATIONS = Object.values(QueryOperation).filter(
  (operation) => operation !== QueryOperation.FIND_WORKSPACE,
);

/** The name of an operation with hyphens instead of underscores. */
export function nameOf(operation: QueryOperation): string {
  return operation.replace(/_/g, '-');
}
