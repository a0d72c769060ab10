/**
 * Validates props and throws one error that lists every problem. Tokens pass, because their values are known only at
 * deployment.
 */
import { Duration, Token } from 'aws-cdk-lib';
import { IConstruct } from 'constructs';

/** A text about one prop with its name and value, or undefined if the prop is valid. */
export type Problem = string | undefined;

/** Throws an error that names the construct and lists all problems, if there are any. */
export function validate(scope: IConstruct, problems: Problem[]): void {
  const found = problems.filter((problem) => problem !== undefined);
  if (found.length > 0) throw new Error(`${scope.node.path}: ${found.join('; ')}`);
}

/** Checks that `value` is an integer between `min` and `max`, inclusive. */
export function integer(prop: string, value: number | undefined, min: number, max: number): Problem {
  if (value === undefined || Token.isUnresolved(value)) return undefined;
  if (Number.isInteger(value) && value >= min && value <= max) return undefined;
  return `${prop}: expected an integer between ${min} and ${max}, got ${value}`;
}

/** Checks that `value` is a whole number of seconds between `min` and `max`, inclusive. */
export function duration(prop: string, value: Duration | undefined, min: Duration, max: Duration): Problem {
  if (value === undefined || value.isUnresolved()) return undefined;
  const [given, least, most] = [value, min, max].map((each) => each.toMilliseconds() / 1000);
  if (Number.isInteger(given) && given >= least && given <= most) return undefined;
  return `${prop}: expected whole seconds between ${least} s and ${most} s, got ${given} s`;
}

/** Checks that `value` matches `pattern`, which `allowed` describes. */
export function text(prop: string, value: string | undefined, pattern: RegExp, allowed: string): Problem {
  if (value === undefined || Token.isUnresolved(value) || pattern.test(value)) return undefined;
  return `${prop}: expected ${allowed}, got "${value}"`;
}

/** Returns `problem` if `bad` is true. */
export function not(bad: boolean, problem: string): Problem {
  return bad ? problem : undefined;
}

/** One problem for each of `others` that is set in `props` although `first` excludes it. */
export function together<Props extends object>(
  props: Props,
  first: keyof Props & string,
  others: (keyof Props & string)[],
): Problem[] {
  if (!props[first]) return [];
  const set = others.filter((other) => props[other] !== undefined && props[other] !== false);
  return set.map((other) => `${first} and ${other} cannot be set together`);
}
