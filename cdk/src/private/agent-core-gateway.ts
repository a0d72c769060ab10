/** Targets of an agent gateway: one for each query function, so that each tool keeps its permissions, memory and time. */
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { AgentCoreGatewayOptions } from '../agent-core-gateway-options';
import type { QueryOperation } from '../query-operation';
import { checked } from './grants';
import { NEEDS, nameOf } from './query-operations';
import { toolOf } from './tools';
import { not, text, validate } from './validate';

/** Adds the functions to `gateway`, which may be one that was imported, below `parent`. */
export function agentCoreTargets(
  parent: Construct,
  gateway: agentcore.IGateway,
  functions: ReadonlyMap<QueryOperation, lambda.Function>,
  options: AgentCoreGatewayOptions,
): agentcore.GatewayTarget[] {
  const prefix = options.targetNamePrefix ?? 'prometheus';
  // The names of targets have no underscores.
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
        `targetNamePrefix: expected one that no other targets of ${gateway.node.path} have, got "${prefix}", ` +
          `but there is a target "${targetNameOf(operation)}"`,
      ),
    ),
  ]);
  const scope = new Construct(parent, `${gateway.node.id}Targets`);
  return [...functions].map(([operation, fn]) => {
    checked(scope, gateway.role, fn.grantInvoke(gateway.role));
    return agentcore.GatewayTarget.forLambda(scope, NEEDS[operation].id, {
      gateway,
      gatewayTargetName: targetNameOf(operation),
      description: NEEDS[operation].description,
      lambdaFunction: fn,
      toolSchema: agentcore.ToolSchema.fromInline([toolOf(operation)]),
    });
  });
}

/** The names of the targets that `gateway` has in the app so far. */
function targetNames(scope: Construct, gateway: agentcore.IGateway): Set<string> {
  const targets = scope.node.root.node.findAll().filter((construct) => construct instanceof agentcore.GatewayTarget);
  return new Set(targets.filter((target) => target.gateway.gatewayArn === gateway.gatewayArn).map((target) => target.gatewayTargetName));
}
