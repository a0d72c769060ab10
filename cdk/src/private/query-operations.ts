/** What each operation of the query functions needs: its permissions, and the memory and time that are its default. */
import { QueryOperation } from '../query-operation';

/** The needs of one operation. */
export interface OperationNeeds {
  /** The identifier of its construct. */
  readonly id: string;
  readonly description: string;
  /** Actions on the workspaces that may be queried: https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-and-IAM.html */
  readonly workspaceActions: string[];
  readonly memorySize: number;
  /** In seconds. */
  readonly timeout: number;
}

const SMALL = { memorySize: 256, timeout: 30 };

/** lambda/query/README.md, "Functions". */
export const NEEDS: Record<QueryOperation, OperationNeeds> = {
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
    description: 'Says which build of Prometheus answers and how it runs',
    workspaceActions: ['aps:QueryMetrics'],
  },
  [QueryOperation.FIND_WORKSPACE]: {
    ...SMALL,
    id: 'FindWorkspace',
    description: 'Finds a Prometheus workspace by its alias or ID',
    workspaceActions: [],
  },
};

/** The operations that are offered by default: all but the one that may list every workspace of the account. */
export const DEFAULT_OPERATIONS = Object.values(QueryOperation).filter((operation) => operation !== QueryOperation.FIND_WORKSPACE);

/** The name of an operation in names that have no underscores. */
export function nameOf(operation: QueryOperation): string {
  return operation.replace(/_/g, '-');
}
