import * as aps from 'aws-cdk-lib/aws-aps';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { AgentCoreGatewayOptions } from './agent-core-gateway-options';
import { agentCoreTargets } from './private/agent-core-gateway';
import { checked } from './private/grants';
import { workspaceOf } from './private/imported-workspace';
import { queryFunction } from './private/query-function';
import { DEFAULT_OPERATIONS, NEEDS } from './private/query-operations';
import { queryProblems } from './private/query-problems';
import { validate } from './private/validate';
import { PrometheusQueryFunctionsProps } from './query-functions-props';
import { QueryOperation } from './query-operation';

/**
 * Functions that read a workspace of Amazon Managed Service for Prometheus (AMP), for people, programs and agents: one
 * for each operation, with the permissions, the memory and the time that it needs.
 *
 * @example
 * const queries = new PrometheusQueryFunctions(this, 'Queries', { workspace });
 * queries.grantInvoke(reader);
 */
export class PrometheusQueryFunctions extends Construct implements ec2.IConnectable {
  /** The functions, in the order of `operations`. */
  public readonly functions: lambda.Function[];

  private readonly byOperation: ReadonlyMap<QueryOperation, lambda.Function>;

  /**
   * @param scope the parent construct
   * @param id the identifier of the construct
   * @param props how the functions are set up
   */
  constructor(scope: Construct, id: string, props: PrometheusQueryFunctionsProps) {
    super(scope, id);
    const operations = props.operations ?? DEFAULT_OPERATIONS;
    const architecture = props.architecture ?? lambda.Architecture.ARM_64;
    validate(this, queryProblems(props, operations, architecture));

    const securityGroups =
      props.securityGroups ??
      (props.vpc && [
        new ec2.SecurityGroup(this, 'SecurityGroup', {
          vpc: props.vpc,
          description: 'Functions that query Amazon Managed Service for Prometheus',
        }),
      ]);
    this.byOperation = new Map(
      operations.map((operation) => [operation, queryFunction(this, props, { operation, architecture, securityGroups })]),
    );
    this.functions = [...this.byOperation.values()];
    this.allowWorkspace(props.workspace);
  }

  /** The network connections of the functions, if they are in a VPC. */
  public get connections(): ec2.Connections {
    return this.functions[0].connections;
  }

  /**
   * The function of an operation.
   *
   * @param operation one of `operations`
   */
  public functionFor(operation: QueryOperation): lambda.Function {
    const fn = this.byOperation.get(operation);
    if (!fn) throw new Error(`${this.node.path}: operations must have ${operation}, but has ${[...this.byOperation.keys()].join(', ')}`);
    return fn;
  }

  /**
   * Lets the functions query a further workspace, which calls then name by `workspace_url` or `workspace_id`. Each
   * function gets what its operation needs:
   *
   *  - `aps:QueryMetrics` for `QUERY`, `RANGE_QUERY` and `SERVER_INFO`
   *  - `aps:GetLabels` and `aps:GetMetricMetadata` for `LIST_METRICS`
   *
   * @param workspace the workspace
   */
  public allowWorkspace(workspace: aps.IWorkspaceRef): void {
    for (const [operation, fn] of this.byOperation) {
      const actions = NEEDS[operation].workspaceActions;
      if (actions.length > 0) workspaceOf(workspace).grant(fn, ...actions);
    }
  }

  /**
   * Grants invoking every function:
   *
   *  - `lambda:InvokeFunction`
   *
   * @param grantee the principal that may
   */
  public grantInvoke(grantee: iam.IGrantable): iam.Grant {
    return this.functions.map((fn) => checked(this, grantee, fn.grantInvoke(grantee))).reduce((all, grant) => all.combine(grant));
  }

  /**
   * Makes each function a tool of an agent gateway: a target with the definition that this package carries. The role of
   * the gateway gets permission to invoke the functions. With the functions of several constructs behind one gateway,
   * each needs a `targetNamePrefix` of its own.
   *
   * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-add-target-lambda.html
   * @param gateway the gateway
   * @param options how the tools are named
   */
  public addToAgentCoreGateway(gateway: agentcore.IGateway, options: AgentCoreGatewayOptions = {}): agentcore.GatewayTarget[] {
    return agentCoreTargets(this, gateway, this.byOperation, options);
  }
}
