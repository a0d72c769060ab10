import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';

/**
 * Props of a Lambda function that have the same meaning and default in every construct. jsii adds them to each interface
 * that extends this one.
 *
 * @internal
 */
export interface FunctionProps {
  /**
   * Concurrency reserved for each function, which is also its limit: an integer of at least 0. With 0 the function does
   * not run. Set it to guarantee the function its share of the account's concurrency, or to limit it.
   *
   * @default - the unreserved concurrency of the account
   */
  readonly reservedConcurrentExecutions?: number;

  /**
   * Architecture: `ARM_64` or `X86_64`. Set it if only the other architecture is built, or to match `code`.
   *
   * The default costs a fifth less per GB-second.
   *
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * Code: a folder or zip archive with an executable file `bootstrap` for `architecture`. Set it to run your own build.
   *
   * @default - the code in this package, for `architecture`
   */
  readonly code?: lambda.Code;

  /**
   * Log group. Set it to share a log group, or to encrypt it with your key.
   *
   * @default - a new log group for each function, which is deleted with the construct
   */
  readonly logGroup?: logs.ILogGroup;

  /**
   * How long a new log group keeps logs. A function writes one or two lines per invocation, so long retention costs
   * little.
   *
   * @default logs.RetentionDays.ONE_MONTH
   */
  readonly logRetention?: logs.RetentionDays;

  /**
   * Level of the JSON logs. Lower it to debug invocations. Raise it to drop the line that each invocation writes;
   * the push gateway writes its metrics at every level.
   *
   * @default lambda.ApplicationLogLevel.INFO
   */
  readonly logLevel?: lambda.ApplicationLogLevel;

  /**
   * X-Ray tracing: `ACTIVE`, `PASS_THROUGH` or `DISABLED`. Traces cost extra, and the permission to write them cannot be
   * limited to a resource.
   *
   * @default lambda.Tracing.DISABLED
   */
  readonly tracing?: lambda.Tracing;

  /**
   * VPC. Functions in it must reach AMP through a NAT gateway or an interface endpoint for `aps-workspaces` (see
   * `PrometheusWorkspace.addInterfaceEndpoint`). Functions with `HttpAuth.secret` also need `secretsmanager`; the push
   * gateway also needs `sqs`; `FIND_WORKSPACE` also needs `aps`. Set it if the workspace is reachable only from the VPC.
   *
   * @default - not in a VPC
   */
  readonly vpc?: ec2.IVpc;

  /**
   * Subnets of `vpc`. Set it if `vpc` has no private subnets with outbound access.
   *
   * @default - private subnets
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * Security groups in `vpc`. They must allow outbound HTTPS. Set it to restrict other traffic, or to use a group that
   * other groups already allow.
   *
   * @default - one new security group, which allows all outbound traffic
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * Additional environment variables, such as `RUST_LOG`. Variables that other props set are rejected.
   *
   * @default - none
   */
  readonly environment?: { [name: string]: string };

  /**
   * KMS key that encrypts the environment variables. Set it to control who can read them. The constructs put no secrets
   * in them.
   *
   * @default - a key that Lambda manages
   */
  readonly environmentEncryption?: kms.IKey;
}
