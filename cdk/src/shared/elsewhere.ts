/** Compares the region and account of a resource with those of a stack. */
import { IResource, Stack, Token } from 'aws-cdk-lib';
import { IConstruct } from 'constructs';

type Environment = IResource['env'];

/** Whether `value` differs from `own`; undefined if that is known only at deployment. */
export function differs(value: string, own: string): boolean | undefined {
  if (value === own) return false;
  return Token.isUnresolved(value) || Token.isUnresolved(own) ? undefined : true;
}

/** Whether `env` has another region than the stack of `scope`; undefined if that is known only at deployment. */
export function isOtherRegion(env: Environment, scope: IConstruct): boolean | undefined {
  return differs(env.region, Stack.of(scope).region);
}

/** Whether `env` has another account than the stack of `scope`; undefined if that is known only at deployment. */
export function isOtherAccount(env: Environment, scope: IConstruct): boolean | undefined {
  return differs(env.account, Stack.of(scope).account);
}

/** Whether `env` has another region or account than the stack of `scope`; undefined if that is known only at deployment. */
export function isElsewhere(env: Environment, scope: IConstruct): boolean | undefined {
  const differences = [isOtherRegion(env, scope), isOtherAccount(env, scope)];
  return differences.includes(true) ? true : differences.includes(undefined) ? undefined : false;
}

/** The region and account that a metric must name because they may differ from those of the stack of `scope`. */
export function namedEnvironment(env: Environment, scope: IConstruct): { region?: string; account?: string } {
  // Alarms reject a region that is a token.
  const named = (value: string, differs: boolean | undefined) =>
    differs === false || Token.isUnresolved(value) ? undefined : value;
  return {
    region: named(env.region, isOtherRegion(env, scope)),
    account: named(env.account, isOtherAccount(env, scope)),
  };
}

/** The account of `env` if it is known to differ from that of the stack of `scope`. */
export function accountOf(env: Environment, scope: IConstruct): string | undefined {
  return isOtherAccount(env, scope) ? env.account : undefined;
}
