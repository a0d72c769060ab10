/**
 * What a query function does: the name of its handler.
 */
export enum QueryOperation {
  /** Evaluates a PromQL expression at one point in time. */
  QUERY = 'query',
  /** Evaluates a PromQL expression over a range of time. */
  RANGE_QUERY = 'range_query',
  /** Lists the names of the metrics in a workspace. */
  LIST_METRICS = 'list_metrics',
  /** Says which build of Prometheus answers and how it runs. */
  SERVER_INFO = 'server_info',
  /** Finds a workspace of the account by its alias or ID, or lists all. */
  FIND_WORKSPACE = 'find_workspace',
}
