/** Checks label names and values. */
import { Token } from 'aws-cdk-lib';
import { Problem, not } from './validate';

/** The problems of external labels. */
export function labelProblems(labels: { [name: string]: string } = {}): Problem[] {
  return Object.keys(labels).flatMap((name) => [
    nameProblem('externalLabels', name),
    reservedProblem('externalLabels', name),
  ]);
}

/** The problems of labels that queries enforce. */
export function enforcedLabelProblems(labels: { [name: string]: string } | undefined): Problem[] {
  const prop = 'enforceLabels';
  return [
    not(labels !== undefined && Object.keys(labels).length === 0, `${prop}: expected at least one label, got none`),
    ...Object.entries(labels ?? {}).flatMap(([name, value]) => [
      nameProblem(prop, name),
      reservedProblem(prop, name),
      // A selector with an empty value selects the series without the label.
      not(value === '', `${prop}: expected a value for "${name}", got ""`),
    ]),
  ];
}

/**
 * The problems of label sets with limits.
 *
 * @see https://docs.aws.amazon.com/prometheus/latest/APIReference/API_LimitsPerLabelSet.html
 */
export function labelSetProblems(labelSets: { [name: string]: string }[]): Problem[] {
  const seen = new Map<string, number>();
  return labelSets.flatMap((labels, index) => {
    const prop = `limitsPerLabelSet[${index}].labels`;
    const key = JSON.stringify(Object.entries(labels).sort());
    const first = seen.get(key);
    seen.set(key, first ?? index);
    return [
      ...Object.entries(labels).flatMap(([name, value]) => [
        nameProblem(prop, name),
        not(value === '', `${prop}.${name}: expected a value, got ""`),
      ]),
      not(first !== undefined, `${prop}: duplicate of limitsPerLabelSet[${first}].labels`),
    ];
  });
}

function nameProblem(prop: string, name: string): Problem {
  return not(
    !Token.isUnresolved(name) && !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name),
    `${prop}: expected names that match [a-zA-Z_][a-zA-Z0-9_]*, got "${name}"`,
  );
}

function reservedProblem(prop: string, name: string): Problem {
  return not(name === '__name__', `${prop}: "__name__" is reserved for the metric name`);
}
