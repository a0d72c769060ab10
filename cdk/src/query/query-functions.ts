import * as aps from 'aws-cdk-lib/aws-aps';
import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { checked } from '../shared/grants';
import { validate } from '../shared/validate';
import { workspaceOf } from '../workspace/imported-workspace';
import { AgentCoreGatewayOptions, agentCoreTargets } from './agent-core-gateway';
import { DEFAULT_OPERATIONS, OPERATIONS, QueryOperation } from './operations';
import { queryProblems } from './problems';
import { LabelsBySecret, queryFunctionUrl } from './query-endpoint';
import { QueryFunctionUrl, QueryFunctionUrlOptions } from './query-endpoint-options';
import { queryFunction } from './query-function';
import { PrometheusQueryFunctionsProps } from './query-functions-props';

/**
 * Functions that query a workspace of Amazon Managed Service for Prometheus (AMP), for people, programs and agents: one
 * for each operation, function URL and MCP server, with its own permissions, memory and timeout.
 *
 * @example
 * const queries = new PrometheusQueryFunctions(this, 'Queries', { workspace });
 * queries.grantInvoke(reader);
 */
export class PrometheusQueryFunctions extends Construct implements ec2.IConnectable {
  /** The functions, in the order of `operations`. */
  public readonly functions: lambda.Function[];

  private readonly byOperation: ReadonlyMap<QueryOperation, lambda.Function>;
  private readonly props: PrometheusQueryFunctionsProps;
  private readonly labelsBySecret: LabelsBySecret = new Map();

  /**
   * @param scope the parent construct
   * @param id the identifier of the construct
   * @param props settings of the functions
   */
  constructor(scope: Construct, id: string, props: PrometheusQueryFunctionsProps) {
    super(scope, id);
    const operations = props.operations ?? DEFAULT_OPERATIONS;
    validate(this, queryProblems(props, operations));

    const securityGroups =
      props.securityGroups ??
      (props.vpc && [
        new ec2.SecurityGroup(this, 'SecurityGroup', {
          vpc: props.vpc,
          description: 'Functions that query Amazon Managed Service for Prometheus',
        }),
      ]);
    this.props = { ...props, securityGroups };
    this.byOperation = new Map(operations.map((operation) => [operation, queryFunction(this, operation, this.props)]));
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
    if (!fn) {
      const created = [...this.byOperation.keys()].join(', ');
      throw new Error(`${this.node.path}: functionFor: expected one of operations (${created}), got ${operation}`);
    }
    return fn;
  }

  /**
   * Lets the functions query another workspace, which calls name by `workspace_url` or `workspace_id`. Each function gets
   * the permissions of its operation:
   *
   *  - `aps:QueryMetrics` for `QUERY`, `RANGE_QUERY` and `SERVER_INFO`
   *  - `aps:GetLabels` and `aps:GetMetricMetadata` for `LIST_METRICS`
   *
   * @param workspace the workspace
   */
  public allowWorkspace(workspace: aps.IWorkspaceRef): void {
    for (const [operation, fn] of this.byOperation) {
      const actions = OPERATIONS[operation].workspaceActions;
      if (actions.length > 0) workspaceOf(workspace).grant(fn, ...actions);
    }
  }

  /**
   * Grants invoking every function:
   *
   *  - `lambda:InvokeFunction`
   *
   * @param grantee the principal
   */
  public grantInvoke(grantee: iam.IGrantable): iam.Grant {
    return this.functions
      .map((fn) => checked(this, grantee, fn.grantInvoke(grantee)))
      .reduce((all, grant) => all.combine(grant));
  }

  /**
   * Adds a function that serves the HTTP API of Prometheus at a function URL, for clients that cannot sign requests:
   * Grafana, `promtool` and libraries take it for a Prometheus. At the path `/mcp` it is an MCP server with the operations
   * as tools. Responses are streamed, up to 200 MB; in a VPC or with `InvokeMode.BUFFERED` a response has at most 6 MB.
   * The function can query only `workspace`. It gets:
   *
   *  - `aps:GetLabels`, `aps:GetMetricMetadata`, `aps:GetSeries`, `aps:QueryMetrics`, `aps:ListAlerts` and `aps:ListRules` on
   *    the workspace
   *  - `secretsmanager:GetSecretValue` on the secret with `HttpAuth.secret`, and `kms:Decrypt` on its key if you own it
   *
   * @param options who may send requests, and what they may see
   */
  public addFunctionUrl(options: QueryFunctionUrlOptions): QueryFunctionUrl {
    return queryFunctionUrl(this, this.props, this.labelsBySecret, 'api', options);
  }

  /**
   * Adds an MCP server for agents, with its own function, credentials and labels. Its URL is the `mcpUrl` of the result,
   * and its transport is streamable HTTP. Each function URL of `addFunctionUrl` has an MCP server, too: add one of its own
   * so that you can replace the credentials of agents, or restrict what agents see, without changing those of dashboards.
   * The permissions and the streaming of responses are those of `addFunctionUrl`.
   *
   * @param options who may send requests, and what they may see
   */
  public addMcpServer(options: QueryFunctionUrlOptions): QueryFunctionUrl {
    return queryFunctionUrl(this, this.props, this.labelsBySecret, 'mcp', options);
  }

  /**
   * Adds each function to an agent gateway as a tool: a target with the tool definition in this package. The role of the
   * gateway gets permission to invoke the functions. If a gateway has the functions of several constructs, each
   * construct needs its own `targetNamePrefix`.
   *
   * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-add-target-lambda.html
   * @param gateway the gateway
   * @param options the names of the tools
   */
  public addToAgentCoreGateway(
    gateway: agentcore.IGateway,
    options: AgentCoreGatewayOptions = {},
  ): agentcore.GatewayTarget[] {
    return agentCoreTargets(this, gateway, this.byOperation, options);
  }
}
