/** What can be wrong with the props of query functions. */
import { Duration } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { PrometheusQueryFunctionsProps } from '../query-functions-props';
import { QueryOperation } from '../query-operation';
import { QUERY_VARIABLES } from './query-function';
import { artifactProblem } from './shipped-code';
import { Problem, duration, integer, not, text } from './validate';

/** All problems of the props, of which some have defaults by now. */
export function queryProblems(
  props: PrometheusQueryFunctionsProps,
  operations: QueryOperation[],
  architecture: lambda.Architecture,
): Problem[] {
  return [
    not(operations.length === 0, 'operations must have one to five operations, but has none'),
    ...twice(operations).map((operation) => `operations must be different, but ${operation} is there more than once`),
    text('functionNamePrefix', props.functionNamePrefix, /^[a-zA-Z0-9_-]{1,49}$/, '1 to 49 letters, digits, hyphens and underscores'),
    integer('memorySize', props.memorySize, 128, 10_240),
    integer('reservedConcurrentExecutions', props.reservedConcurrentExecutions, 0, Number.MAX_SAFE_INTEGER),
    duration('timeout', props.timeout, Duration.seconds(3), Duration.seconds(900)),
    not(
      props.logGroup !== undefined && props.logRetention !== undefined,
      'logGroup and logRetention cannot be set together',
    ),
    not(!props.vpc && props.vpcSubnets !== undefined, 'vpcSubnets needs vpc'),
    not(!props.vpc && props.securityGroups !== undefined, 'securityGroups needs vpc'),
    ...Object.entries(QUERY_VARIABLES).map(([variable, prop]) =>
      not(variable in (props.environment ?? {}), `environment must not have ${variable}; use the prop ${prop}`),
    ),
    props.code ? undefined : artifactProblem('query', architecture),
  ];
}

function twice(operations: QueryOperation[]): QueryOperation[] {
  return [...new Set(operations.filter((operation, at) => operations.indexOf(operation) !== at))];
}
