/** Creates a query function. */
import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { newFunction } from '../shared/function';
import { OPERATIONS, QueryOperation, nameOf } from './operations';
import { PrometheusQueryFunctionsProps } from './query-functions-props';
import { variablesOf } from './variables';

/** Creates the function of `operation` in its own scope below `parent`. */
export function queryFunction(
  parent: Construct,
  operation: QueryOperation,
  props: PrometheusQueryFunctionsProps,
): lambda.Function {
  const { id, description, memorySize, timeout } = OPERATIONS[operation];
  const scope = new Construct(parent, id);
  return newFunction(scope, {
    ...props,
    artifact: 'query',
    roleDescription: `Role of the query function ${operation}`,
    statements: operation === QueryOperation.FIND_WORKSPACE ? findingStatements(scope) : [],
    ownEnvironment: variablesOf(props.workspace),
    functionName: props.functionNamePrefix && `${props.functionNamePrefix}-${nameOf(operation)}`,
    description,
    handler: operation,
    memorySize: props.memorySize ?? memorySize,
    timeout: props.timeout ?? Duration.seconds(timeout),
  });
}

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonmanagedserviceforprometheus.html */
function findingStatements(scope: Construct): iam.PolicyStatement[] {
  return [
    new iam.PolicyStatement({
      // Listing cannot be limited to a resource.
      actions: ['aps:ListWorkspaces'],
      resources: ['*'],
    }),
    new iam.PolicyStatement({
      // The function finds workspaces that are not known at deployment.
      actions: ['aps:DescribeWorkspace'],
      resources: [Stack.of(scope).formatArn({ service: 'aps', resource: 'workspace', resourceName: '*' })],
    }),
  ];
}
