/** Labels: names and values → what is wrong with them. */
import { Token } from 'aws-cdk-lib';
import { Problem, not } from './validate';

/** Names that Prometheus does not know as label names, or not as those of labels. */
export function labelProblems(labels: { [name: string]: string }): Problem[] {
  return Object.keys(labels).flatMap((name) => [
    nameProblem('externalLabels', name),
    not(name === '__name__', 'names in externalLabels must not be "__name__", which is the metric name'),
  ]);
}

/** https://docs.aws.amazon.com/prometheus/latest/APIReference/API_LimitsPerLabelSet.html */
export function labelSetProblems(labelSets: { [name: string]: string }[]): Problem[] {
  const seen = new Map<string, number>();
  return labelSets.flatMap((labels, index) => {
    const what = `limitsPerLabelSet[${index}].labels`;
    const key = JSON.stringify(Object.entries(labels).sort());
    const first = seen.get(key);
    seen.set(key, first ?? index);
    return [
      ...Object.entries(labels).flatMap(([name, value]) => [
        nameProblem(what, name),
        not(value === '', `${what}.${name}: expected a value, got ""`),
      ]),
      not(first !== undefined, `${what}: expected another label set than limitsPerLabelSet[${first}], got the same`),
    ];
  });
}

function nameProblem(what: string, name: string): Problem {
  return not(
    !Token.isUnresolved(name) && !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name),
    `names in ${what} must match [a-zA-Z_][a-zA-Z0-9_]*, but one is "${name}"`,
  );
}
