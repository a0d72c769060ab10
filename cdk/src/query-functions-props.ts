import { Duration } from 'aws-cdk-lib';
import * as aps from 'aws-cdk-lib/aws-aps';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { QueryOperation } from './query-operation';

/**
 * How query functions are set up. Props that are about a function hold for each of them; for different settings make
 * the construct once more, with other `operations`.
 */
export interface PrometheusQueryFunctionsProps {
  /**
   * The workspace that is asked when a call names none, and the only one that the functions may query. Let them query
   * further ones with `allowWorkspace`. It is a `PrometheusWorkspace`, or any other construct of a workspace, such as
   * `aps.CfnWorkspace`.
   */
  readonly workspace: aps.IWorkspaceRef;

  /**
   * What the functions do: one to five different operations, each of which gets a function of its own. Leave out what
   * nobody needs. `FIND_WORKSPACE` is opt-in, because its function may list every workspace of the account.
   *
   * @default - all operations but `FIND_WORKSPACE`
   */
  readonly operations?: QueryOperation[];

  /**
   * What the names of the functions begin with: 1 to 49 letters, digits, hyphens and underscores. The function of
   * `RANGE_QUERY` is then named `<prefix>-range-query`. Set it if programs invoke the functions by names that are written
   * down elsewhere.
   *
   * @default - generated names
   */
  readonly functionNamePrefix?: string;

  /**
   * The concurrency that is kept for each function, and which it cannot exceed: an integer of at least 0. With 0 they do
   * not run at all. Set it so that queries cannot use up the concurrency of the account.
   *
   * @default - the unreserved concurrency of the account
   */
  readonly reservedConcurrentExecutions?: number;

  /**
   * The architecture of the functions: ARM_64 or X86_64. Change it if only the other one has been built, or for `code`.
   *
   * The default costs a fifth less per GB-second.
   *
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * The code of the functions: a folder or zip with an executable file `bootstrap` for `architecture`, which does what
   * the name of its handler says. Set it to run a build of your own.
   *
   * @default - the functions that this package carries, for `architecture`
   */
  readonly code?: lambda.Code;

  /**
   * The memory of each function: 128 to 10,240 MB. CPU comes with it, so more shortens the answers that are large.
   *
   * @default - 512 MB for `RANGE_QUERY`, 256 MB for the others
   */
  readonly memorySize?: number;

  /**
   * The time that an invocation has: 3 to 900 seconds. A function tries again until shortly before it ends. AMP itself
   * gives up on a query after some two minutes, so longer is for the retries.
   *
   * @default - 60 seconds for `RANGE_QUERY`, 30 seconds for the others
   */
  readonly timeout?: Duration;

  /**
   * The log group of all functions. Give one to have their logs in one place, or to encrypt them with your key.
   *
   * @default - a new one for each function, which is removed with it
   */
  readonly logGroup?: logs.ILogGroup;

  /**
   * How long the log groups that are made keep logs. A function writes one line per invocation, so longer costs little.
   *
   * @default logs.RetentionDays.ONE_MONTH
   */
  readonly logRetention?: logs.RetentionDays;

  /**
   * How much the functions log, as JSON. Lower it to find out what happens in an invocation, raise it to save the line
   * of each.
   *
   * @default lambda.ApplicationLogLevel.INFO
   */
  readonly logLevel?: lambda.ApplicationLogLevel;

  /**
   * Whether X-Ray traces invocations: ACTIVE, PASS_THROUGH or DISABLED. Traces cost extra, and the permission to write
   * them cannot be limited to a resource.
   *
   * @default lambda.Tracing.DISABLED
   */
  readonly tracing?: lambda.Tracing;

  /**
   * The VPC in which the functions run. They need a way to AMP: a NAT gateway, or interface endpoints for
   * `aps-workspaces` (see `PrometheusWorkspace.addInterfaceEndpoint`) and, for `FIND_WORKSPACE`, `aps`. Set it if the
   * workspace may be reached from the VPC only.
   *
   * @default - not in a VPC
   */
  readonly vpc?: ec2.IVpc;

  /**
   * The subnets of `vpc` in which the functions run. Set it if there are no private ones with a way out.
   *
   * @default - private subnets
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * The security groups of the functions in `vpc`. They have to let out HTTPS. Give one to restrict the rest.
   *
   * @default - a new one for all of them that lets everything out
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * More environment variables for the functions, such as `RUST_LOG`. Those that other props set cannot be given here.
   *
   * @default - none
   */
  readonly environment?: { [name: string]: string };

  /**
   * The KMS key that encrypts the environment variables of the functions, which may use it to decrypt them. Use it when
   * you have to control who can read them; there is no secret among those that are set here.
   *
   * @default - a key that Lambda manages
   */
  readonly environmentEncryption?: kms.IKey;
}
