/** Adds query functions to an agent gateway, with a target for each, so that each tool keeps its own permissions. */
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { checked } from '../shared/grants';
import { not, text, validate } from '../shared/validate';
import { OPERATIONS, QueryOperation, nameOf } from './operations';
import { toolOf } from './tools';

/**
 * The names of query functions in an agent gateway.
 */
export interface AgentCoreGatewayOptions {
  /**
   * Prefix of the target names: 1 to 80 letters and digits, with single hyphens between them. It is part of the tool names
   * that agents see, such as `prometheus-range-query___range_query`. Set it if one gateway has the functions of several
   * workspaces.
   *
   * @default 'prometheus'
   */
  readonly targetNamePrefix?: string;
}

/** Adds the functions to `gateway`, which may be imported, with targets below `parent`. */
export function agentCoreTargets(
  parent: Construct,
  gateway: agentcore.IGateway,
  functions: ReadonlyMap<QueryOperation, lambda.Function>,
  options: AgentCoreGatewayOptions,
): agentcore.GatewayTarget[] {
  const prefix = options.targetNamePrefix ?? 'prometheus';
  // Target names cannot contain underscores.
  const targetNameOf = (operation: QueryOperation) => `${prefix}-${nameOf(operation)}`;
  const taken = targetNames(parent, gateway);
  validate(parent, [
    text(
      'targetNamePrefix',
      options.targetNamePrefix,
      /^(?=.{1,80}$)[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$/,
      '1 to 80 letters and digits, with single hyphens between them',
    ),
    ...[...functions.keys()].map((operation) =>
      not(
        taken.has(targetNameOf(operation)),
        `targetNamePrefix: "${prefix}" gives the target name "${targetNameOf(operation)}", ` +
          `which ${gateway.node.path} already has`,
      ),
    ),
  ]);
  const scope = new Construct(parent, `${gateway.node.id}Targets`);
  return [...functions].map(([operation, fn]) => {
    checked(scope, gateway.role, fn.grantInvoke(gateway.role));
    return agentcore.GatewayTarget.forLambda(scope, OPERATIONS[operation].id, {
      gateway,
      gatewayTargetName: targetNameOf(operation),
      description: OPERATIONS[operation].description,
      lambdaFunction: fn,
      toolSchema: agentcore.ToolSchema.fromInline([toolOf(operation)]),
    });
  });
}

/** The names of the targets that `gateway` has in the app so far. */
function targetNames(scope: Construct, gateway: agentcore.IGateway): Set<string> {
  const targets = scope.node.root.node.findAll().filter((construct) => construct instanceof agentcore.GatewayTarget);
  return new Set(
    targets
      .filter((target) => target.gateway.gatewayArn === gateway.gatewayArn)
      .map((target) => target.gatewayTargetName),
  );
}
