/** The environment variables of the query functions. */
import * as aps from 'aws-cdk-lib/aws-aps';
import { Variables } from '../shared/variables';
import { workspaceOf } from '../workspace/imported-workspace';
import { QueryFunctionUrlOptions } from './query-endpoint-options';
import { PrometheusQueryFunctionsProps } from './query-functions-props';

/** The variables that props set. */
export const VARIABLES: Variables<keyof PrometheusQueryFunctionsProps | keyof QueryFunctionUrlOptions> = {
  WORKSPACE_URL: 'workspace',
  // Requests to AMP are always signed, which is the default of the functions.
  WORKSPACE_AUTH: 'workspace',
  // Function URLs set these.
  HTTP_AUTH: 'auth',
  HTTP_AUTH_SECRET: 'auth',
  ENFORCE_LABELS: 'enforceLabels',
  RESPONSE_STREAMING: 'invokeMode',
  AWS_LAMBDA_LOG_LEVEL: 'logLevel',
  AWS_LAMBDA_LOG_FORMAT: 'logLevel',
};

/** The variables, without those that would repeat the defaults of the functions. */
export function variablesOf(workspace: aps.IWorkspaceRef): Record<string, string> {
  return { WORKSPACE_URL: workspaceOf(workspace).prometheusEndpoint };
}
