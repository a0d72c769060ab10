/** Labels for every series: names → what is wrong with them. */
import { Token } from 'aws-cdk-lib';
import { Problem, not } from './validate';

/** Names that Prometheus does not know as label names, or not as those of labels. */
export function labelProblems(labels: { [name: string]: string }): Problem[] {
  return Object.keys(labels).flatMap((name) => [
    not(
      !Token.isUnresolved(name) && !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name),
      `names in externalLabels must match [a-zA-Z_][a-zA-Z0-9_]*, but one is "${name}"`,
    ),
    not(name === '__name__', 'names in externalLabels must not be "__name__", which is the metric name'),
  ]);
}
