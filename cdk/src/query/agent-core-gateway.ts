/** Adds query functions to an agent gateway, with a target for each, so that each tool keeps its own permissions. */
import { Token } from 'aws-cdk-lib';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { checked } from '../shared/grants';
import { Problem, not, text, validate } from '../shared/validate';
import { OPERATIONS, QueryOperation, nameOf } from './operations';
import { toolOf } from './tools';

/**
 * Settings of the targets of an agent gateway.
 */
export interface AgentCoreGatewayOptions {
  /**
   * Headers that the gateway propagates from the requests of agents into the client context of an invocation: 1 to 10
   * names. The functions ignore them: no header chooses a workspace. Set it for your own code around the functions, for
   * example to trace requests. AgentCore rejects some names, such as `Authorization`.
   *
   * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-headers.html
   * @default - none
   */
  readonly allowedRequestHeaders?: string[];

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
    ...headerProblems(options.allowedRequestHeaders),
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
    const target = agentcore.GatewayTarget.forLambda(scope, OPERATIONS[operation].id, {
      gateway,
      gatewayTargetName: targetNameOf(operation),
      description: OPERATIONS[operation].description,
      lambdaFunction: fn,
      toolSchema: agentcore.ToolSchema.fromInline([toolOf(operation)]),
    });
    if (options.allowedRequestHeaders) {
      // The L2 construct has no prop for it.
      const resource = target.node.defaultChild as agentcore.CfnGatewayTarget;
      resource.metadataConfiguration = { allowedRequestHeaders: options.allowedRequestHeaders };
    }
    return target;
  });
}

/** https://docs.aws.amazon.com/bedrock-agentcore-control/latest/APIReference/API_MetadataConfiguration.html */
function headerProblems(names: string[] | undefined): Problem[] {
  if (!names || Token.isUnresolved(names)) return [];
  return [
    not(names.length < 1 || names.length > 10, `allowedRequestHeaders: expected 1 to 10 names, got ${names.length}`),
    ...names.map((name) =>
      text(
        'allowedRequestHeaders',
        name,
        /^[a-zA-Z0-9_-]{1,100}$/,
        'names of 1 to 100 letters, digits, hyphens and underscores',
      ),
    ),
  ];
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
