/** Resources of another region or account: an environment, seen from a stack. */
import { IResource, Stack, Token } from 'aws-cdk-lib';
import { IConstruct } from 'constructs';

type Environment = IResource['env'];

/** Whether `value` differs from `own`; undefined if only deployment can tell. */
export function differs(value: string, own: string): boolean | undefined {
  if (value === own) return false;
  return Token.isUnresolved(value) || Token.isUnresolved(own) ? undefined : true;
}

/** Whether `env` is another region than that of the stack of `scope`; undefined if only deployment can tell. */
export function isOtherRegion(env: Environment, scope: IConstruct): boolean | undefined {
  return differs(env.region, Stack.of(scope).region);
}

/** Whether `env` is another account than that of the stack of `scope`; undefined if only deployment can tell. */
export function isOtherAccount(env: Environment, scope: IConstruct): boolean | undefined {
  return differs(env.account, Stack.of(scope).account);
}

/** Whether `env` is another region or account than that of the stack of `scope`; undefined if only deployment can tell. */
export function isElsewhere(env: Environment, scope: IConstruct): boolean | undefined {
  const answers = [isOtherRegion(env, scope), isOtherAccount(env, scope)];
  return answers.includes(true) ? true : answers.includes(undefined) ? undefined : false;
}

/** The region and account that metrics have to name, because they may not be those of the stack of `scope`. */
export function namedEnvironment(env: Environment, scope: IConstruct): { region?: string; account?: string } {
  // Alarms refuse a region that is a token.
  const named = (value: string, differs: boolean | undefined) =>
    differs === false || Token.isUnresolved(value) ? undefined : value;
  return { region: named(env.region, isOtherRegion(env, scope)), account: named(env.account, isOtherAccount(env, scope)) };
}

/** The account of `env` if it is surely another than that of the stack of `scope`. */
export function accountOf(env: Environment, scope: IConstruct): string | undefined {
  return isOtherAccount(env, scope) ? env.account : undefined;
}
