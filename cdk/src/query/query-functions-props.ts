import { Duration } from 'aws-cdk-lib';
import * as aps from 'aws-cdk-lib/aws-aps';
import { FunctionProps } from '../shared/function-props';
import { QueryOperation } from './operations';

/**
 * Settings of query functions. Props of a function apply to each of them. For different settings, create another
 * construct with other `operations`.
 */
export interface PrometheusQueryFunctionsProps extends FunctionProps {
  /**
   * Workspace that is queried if a call names none: a `PrometheusWorkspace`, or the construct of another library, such as
   * `aps.CfnWorkspace`. The functions may query only this workspace, and those that `allowWorkspace` adds.
   */
  readonly workspace: aps.IWorkspaceRef;

  /**
   * Operations of the functions: one to five different ones, each with its own function. `FIND_WORKSPACE` is opt-in,
   * because its function may list every workspace of the account.
   *
   * @default - all operations except `FIND_WORKSPACE`
   */
  readonly operations?: QueryOperation[];

  /**
   * Prefix of the function names: 1 to 49 letters, digits, hyphens and underscores. The function of `RANGE_QUERY` is then
   * named `<prefix>-range-query`. Set it if programs invoke the functions by fixed names.
   *
   * @default - generated names
   */
  readonly functionNamePrefix?: string;

  /**
   * Memory of each function: 128 to 10,240 MB. CPU power grows with it. Increase it for large results.
   *
   * @default - 512 MB for `RANGE_QUERY`, function URLs and MCP servers, 256 MB for the others
   */
  readonly memorySize?: number;

  /**
   * Timeout of an invocation: 3 to 900 seconds. A function retries until shortly before it. AMP itself stops a query after
   * about two minutes, so a longer timeout only allows retries.
   *
   * @default - 60 seconds for `RANGE_QUERY`, function URLs and MCP servers, 30 seconds for the others
   */
  readonly timeout?: Duration;
}
