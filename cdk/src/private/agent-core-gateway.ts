/** Targets of an agent gateway: one for each query function, so that each tool keeps its permissions, memory and time. */
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { AgentCoreGatewayOptions } from '../agent-core-gateway-options';
import type { QueryOperation } from '../query-operation';
import { NEEDS } from './query-operations';
import { toolOf } from './tools';
import { text, validate } from './validate';

/** Adds the functions to `gateway`, which may be one that was imported, below `parent`. */
export function agentCoreTargets(
  parent: Construct,
  gateway: agentcore.IGateway,
  functions: ReadonlyMap<QueryOperation, lambda.Function>,
  options: AgentCoreGatewayOptions,
): agentcore.GatewayTarget[] {
  validate(parent, [
    text(
      'targetNamePrefix',
      options.targetNamePrefix,
      /^(?=.{1,80}$)[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$/,
      '1 to 80 letters and digits, with single hyphens between them',
    ),
  ]);
  const prefix = options.targetNamePrefix ?? 'prometheus';
  const scope = new Construct(parent, `${gateway.node.id}Targets`);
  return [...functions].map(([operation, fn]) =>
    agentcore.GatewayTarget.forLambda(scope, NEEDS[operation].id, {
      gateway,
      // The names of targets have no underscores.
      gatewayTargetName: `${prefix}-${operation.replace(/_/g, '-')}`,
      description: NEEDS[operation].description,
      lambdaFunction: fn,
      toolSchema: agentcore.ToolSchema.fromInline([toolOf(operation)]),
    }),
  );
}
