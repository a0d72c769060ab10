/**
 * Validation: what a user wrote → nothing, or one error with every problem in it. Tokens, whose values are known only
 * at deployment, pass.
 */
import { Duration, Token } from 'aws-cdk-lib';
import { IConstruct } from 'constructs';

/** A sentence about one prop that names it and the value given, or undefined when all is well. */
export type Problem = string | undefined;

/** Throws one error that lists all problems and names the construct. */
export function validate(scope: IConstruct, problems: Problem[]): void {
  const found = problems.filter((problem) => problem !== undefined);
  if (found.length > 0) {
    throw new Error(`${scope.node.path}: ${found.join('; ')}`);
  }
}

/** `prop` is an integer between `min` and `max`, both allowed. */
export function integer(prop: string, value: number | undefined, min: number, max: number): Problem {
  if (value === undefined || Token.isUnresolved(value)) return undefined;
  if (Number.isInteger(value) && value >= min && value <= max) return undefined;
  return `${prop} must be an integer between ${min} and ${max}, but is ${value}`;
}

/** `prop` is a whole number of seconds between `min` and `max`, both allowed. */
export function duration(prop: string, value: Duration | undefined, min: Duration, max: Duration): Problem {
  if (value === undefined || value.isUnresolved()) return undefined;
  const milliseconds = value.toMilliseconds();
  if (milliseconds >= min.toMilliseconds() && milliseconds <= max.toMilliseconds() && milliseconds % 1000 === 0) {
    return undefined;
  }
  return `${prop} must be whole seconds between ${seconds(min)} and ${seconds(max)}, but is ${seconds(value)}`;
}

/** `prop` matches `pattern`, which `allowed` says in words. */
export function text(prop: string, value: string | undefined, pattern: RegExp, allowed: string): Problem {
  if (value === undefined || Token.isUnresolved(value) || pattern.test(value)) return undefined;
  return `${prop} must be ${allowed}, but is "${value}"`;
}

/** `bad` is not the case. For what is no range of one value. */
export function not(bad: boolean, problem: string): Problem {
  return bad ? problem : undefined;
}

function seconds(value: Duration): string {
  return `${value.toMilliseconds() / 1000} s`;
}
