/** Environment variables that constructs set, each with the prop that sets it. */
import { Tokenization } from 'aws-cdk-lib';
import { Problem, not } from './validate';

/** The prop of each variable. Users cannot set these variables themselves. */
export type Variables<Prop extends string = string> = Readonly<Record<string, Prop>>;

/** `variables` without those that have no value. */
export function defined(variables: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
}

/** A number, which may be a token, as a string. */
export function numberText(number: number | undefined): string | undefined {
  return number === undefined ? undefined : Tokenization.stringifyNumber(number);
}

/** The problems of an environment that sets a variable of `variables`. */
export function environmentProblems(environment: object | undefined, variables: Variables): Problem[] {
  return Object.entries(variables).map(([variable, prop]) =>
    not(variable in (environment ?? {}), `environment: ${variable} is reserved; use the prop ${prop}`),
  );
}
