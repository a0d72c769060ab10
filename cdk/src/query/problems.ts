/** Checks the props of query functions. */
import { Duration } from 'aws-cdk-lib';
import { functionProblems } from '../shared/function';
import { Problem, duration, not, text } from '../shared/validate';
import { QueryOperation } from './operations';
import { PrometheusQueryFunctionsProps } from './query-functions-props';
import { VARIABLES } from './variables';

/** All problems of the props. */
export function queryProblems(props: PrometheusQueryFunctionsProps, operations: QueryOperation[]): Problem[] {
  const duplicates = new Set(operations.filter((operation, at) => operations.indexOf(operation) !== at));
  return [
    not(operations.length === 0, 'operations: expected one to five operations, got none'),
    ...[...duplicates].map((operation) => `operations: duplicate operation ${operation}`),
    text(
      'functionNamePrefix',
      props.functionNamePrefix,
      /^[a-zA-Z0-9_-]{1,49}$/,
      '1 to 49 letters, digits, hyphens and underscores',
    ),
    duration('timeout', props.timeout, Duration.seconds(3), Duration.seconds(900)),
    ...functionProblems(props, 'query', VARIABLES),
  ];
}
