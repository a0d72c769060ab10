/** One query function: an operation and props → a Lambda function whose role may do what the operation needs. */
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { PrometheusQueryFunctionsProps } from '../query-functions-props';
import { QueryOperation } from '../query-operation';
import { functionRole } from './function-role';
import { workspaceOf } from './imported-workspace';
import { NEEDS, nameOf } from './query-operations';
import { shippedCode } from './shipped-code';

/** The variables that props set, and the props. */
export const QUERY_VARIABLES = {
  WORKSPACE_URL: 'workspace',
  // Requests to AMP are always signed, which is the function's default.
  WORKSPACE_AUTH: 'workspace',
  AWS_LAMBDA_LOG_LEVEL: 'logLevel',
  AWS_LAMBDA_LOG_FORMAT: 'logLevel',
} as const satisfies Record<string, keyof PrometheusQueryFunctionsProps>;

/** What one function needs beside the props. */
export interface QueryFunctionSettings {
  readonly operation: QueryOperation;
  readonly architecture: lambda.Architecture;
  /** One or more if the function is in a VPC. */
  readonly securityGroups?: ec2.ISecurityGroup[];
}

/** Makes the function in a scope of its own below `parent`. */
export function queryFunction(
  parent: Construct,
  props: PrometheusQueryFunctionsProps,
  { operation, architecture, securityGroups }: QueryFunctionSettings,
): lambda.Function {
  const needs = NEEDS[operation];
  const scope = new Construct(parent, needs.id);
  const logGroup =
    props.logGroup ??
    new logs.LogGroup(scope, 'LogGroup', {
      retention: props.logRetention ?? logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  const role = functionRole(scope, `Role of the query function ${operation}`, logGroup, props.vpc);
  if (operation === QueryOperation.FIND_WORKSPACE) grantFinding(role);
  props.environmentEncryption?.grant(role, 'kms:Decrypt');

  return new lambda.Function(scope, 'Function', {
    functionName: props.functionNamePrefix && `${props.functionNamePrefix}-${nameOf(operation)}`,
    description: needs.description,
    runtime: lambda.Runtime.PROVIDED_AL2023,
    handler: operation,
    architecture,
    code: props.code ?? shippedCode('query', architecture),
    memorySize: props.memorySize ?? needs.memorySize,
    timeout: props.timeout ?? Duration.seconds(needs.timeout),
    reservedConcurrentExecutions: props.reservedConcurrentExecutions,
    role,
    logGroup,
    loggingFormat: lambda.LoggingFormat.JSON,
    applicationLogLevelV2: props.logLevel ?? lambda.ApplicationLogLevel.INFO,
    tracing: props.tracing ?? lambda.Tracing.DISABLED,
    vpc: props.vpc,
    vpcSubnets: props.vpcSubnets,
    securityGroups,
    environment: { WORKSPACE_URL: workspaceOf(props.workspace).prometheusEndpoint, ...props.environment },
    environmentEncryption: props.environmentEncryption,
  });
}

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonmanagedserviceforprometheus.html */
function grantFinding(role: iam.Role): void {
  role.addToPolicy(
    new iam.PolicyStatement({
      // Listing has no resource to limit it to.
      actions: ['aps:ListWorkspaces'],
      resources: ['*'],
    }),
  );
  role.addToPolicy(
    new iam.PolicyStatement({
      // Which workspaces there will be is what the function is to find out.
      actions: ['aps:DescribeWorkspace'],
      resources: [Stack.of(role).formatArn({ service: 'aps', resource: 'workspace', resourceName: '*' })],
    }),
  );
}
