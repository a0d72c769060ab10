/** Grants the least permissions that a queue needs, and warns about grants that have no effect. */
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { IConstruct } from 'constructs';
import { statementText, warn } from './warnings';

/**
 * Grants what an event source mapping requires.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
export function grantReceive(scope: IConstruct, queue: sqs.IQueue, grantee: iam.IGrantable): void {
  checked(scope, grantee, queue.grant(grantee, 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'));
  checked(scope, grantee, queue.encryptionMasterKey?.grant(grantee, 'kms:Decrypt'));
}

/** Grants sending messages. For an encrypted queue, SQS creates data keys and decrypts them to use them again. */
export function grantSend(scope: IConstruct, queue: sqs.IQueue, grantee: iam.IGrantable): void {
  checked(scope, grantee, queue.grant(grantee, 'sqs:SendMessage'));
  checked(scope, grantee, queue.encryptionMasterKey?.grant(grantee, 'kms:Decrypt', 'kms:GenerateDataKey'));
}

/** Returns `grant`, and warns on `scope` if the role of the grantee cannot change: CDK reports such a grant as a success. */
export function checked<G extends iam.Grant | undefined>(scope: IConstruct, grantee: iam.IGrantable, grant: G): G {
  const statements = grant?.principalStatements ?? [];
  const role = grantee.grantPrincipal;
  if (statements.length > 0 && isImmutable(role)) {
    warn(
      scope,
      'immutableRole',
      `the role ${role.node.path} is imported as immutable and gets no permission; add to its policy: ${statementText(scope, ...statements)}`,
    );
  }
  return grant;
}

/** Whether `principal` is a role imported with `mutable: false`. CDK exports the identifier of its class, but not the class. */
function isImmutable(principal: iam.IPrincipal): principal is iam.IRole {
  const { PROPERTY_INJECTION_ID } = principal.constructor as { PROPERTY_INJECTION_ID?: string };
  return PROPERTY_INJECTION_ID === 'aws-cdk-lib.aws-iam.ImmutableRole';
}
