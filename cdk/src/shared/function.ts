/** Creates Lambda functions with least privilege and the defaults that all constructs share. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { FunctionProps } from './function-props';
import { Artifact, artifactProblem, shippedCode } from './shipped-code';
import { Problem, integer, not, together } from './validate';
import { Variables, environmentProblems } from './variables';

/** The props of one function: those that users give, and those that its construct chooses. */
export interface NewFunctionProps extends FunctionProps {
  readonly artifact: Artifact;
  readonly roleDescription: string;
  /** Permissions in addition to logs and the VPC. */
  readonly statements?: iam.PolicyStatement[];
  /** Environment variables that `environment` overrides. */
  readonly ownEnvironment?: Record<string, string>;
  readonly description: string;
  readonly functionName?: string;
  readonly handler: string;
  readonly memorySize: number;
  readonly timeout: Duration;
  /** Settings of asynchronous invocations. */
  readonly asynchronous?: lambda.EventInvokeConfigOptions;
}

/** The architecture of functions, which is needed before they exist. */
export function architectureOf(props: FunctionProps): lambda.Architecture {
  return props.architecture ?? lambda.Architecture.ARM_64;
}

/** The log level of functions. */
export function logLevelOf(props: FunctionProps): lambda.ApplicationLogLevel {
  return props.logLevel ?? lambda.ApplicationLogLevel.INFO;
}

/** Creates a log group, a role and a function in `scope`. */
export function newFunction(scope: Construct, props: NewFunctionProps): lambda.Function {
  const architecture = architectureOf(props);
  const logGroup =
    props.logGroup ??
    new logs.LogGroup(scope, 'LogGroup', {
      retention: props.logRetention ?? logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  const role = functionRole(scope, props.roleDescription, logGroup, props.vpc);
  for (const statement of props.statements ?? []) role.addToPolicy(statement);
  props.environmentEncryption?.grant(role, 'kms:Decrypt');

  return new lambda.Function(scope, 'Function', {
    functionName: props.functionName,
    description: props.description,
    runtime: lambda.Runtime.PROVIDED_AL2023,
    handler: props.handler,
    architecture,
    code: props.code ?? shippedCode(props.artifact, architecture),
    memorySize: props.memorySize,
    timeout: props.timeout,
    reservedConcurrentExecutions: props.reservedConcurrentExecutions,
    role,
    logGroup,
    loggingFormat: lambda.LoggingFormat.JSON,
    applicationLogLevelV2: logLevelOf(props),
    tracing: props.tracing ?? lambda.Tracing.DISABLED,
    vpc: props.vpc,
    vpcSubnets: props.vpcSubnets,
    securityGroups: props.securityGroups,
    environment: { ...props.ownEnvironment, ...props.environment },
    environmentEncryption: props.environmentEncryption,
    ...props.asynchronous,
  });
}

/** The problems of the shared props of functions that run `artifact` and whose construct sets `variables`. */
export function functionProblems(
  props: FunctionProps & { readonly memorySize?: number },
  artifact: Artifact,
  variables: Variables,
): Problem[] {
  return [
    integer('memorySize', props.memorySize, 128, 10_240),
    integer('reservedConcurrentExecutions', props.reservedConcurrentExecutions, 0, Number.MAX_SAFE_INTEGER),
    ...together(props, 'logGroup', ['logRetention']),
    not(!props.vpc && props.vpcSubnets !== undefined, 'vpcSubnets requires vpc'),
    not(!props.vpc && props.securityGroups !== undefined, 'securityGroups requires vpc'),
    ...environmentProblems(props.environment, variables),
    props.code ? undefined : artifactProblem(artifact, architectureOf(props)),
  ];
}

/** A role without the managed policies, which allow writing to every log group of the account. */
function functionRole(scope: Construct, description: string, logGroup: logs.ILogGroup, vpc?: ec2.IVpc): iam.Role {
  const role = new iam.Role(scope, 'Role', {
    description,
    assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
  });
  logGroup.grantWrite(role);
  if (vpc) {
    role.addToPolicy(
      new iam.PolicyStatement({
        // https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html: Lambda creates the network interfaces, so
        // their ARNs are not known in advance.
        actions: [
          'ec2:AssignPrivateIpAddresses',
          'ec2:CreateNetworkInterface',
          'ec2:DeleteNetworkInterface',
          'ec2:DescribeNetworkInterfaces',
          'ec2:DescribeSubnets',
          'ec2:UnassignPrivateIpAddresses',
        ],
        resources: ['*'],
      }),
    );
  }
  return role;
}
