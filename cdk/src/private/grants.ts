/** Grants on queues, and not an action more than is needed. A grant that has no effect is a warning. */
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { IConstruct } from 'constructs';
import { statementText, warn } from './warnings';

/** What an event source mapping needs: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
export function grantReceive(scope: IConstruct, queue: sqs.IQueue, grantee: iam.IGrantable): void {
  checked(scope, grantee, queue.grant(grantee, 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'));
  checked(scope, grantee, queue.encryptionMasterKey?.grant(grantee, 'kms:Decrypt'));
}

/** Sending, to an encrypted queue too: a data key is made for messages, and decrypted when it is used again. */
export function grantSend(scope: IConstruct, queue: sqs.IQueue, grantee: iam.IGrantable): void {
  checked(scope, grantee, queue.grant(grantee, 'sqs:SendMessage'));
  checked(scope, grantee, queue.encryptionMasterKey?.grant(grantee, 'kms:Decrypt', 'kms:GenerateDataKey'));
}

/** `grant`, with a warning on `scope` if the grantee's role cannot be changed, which a grant reports as success. */
export function checked<G extends iam.Grant | undefined>(scope: IConstruct, grantee: iam.IGrantable, grant: G): G {
  const statements = grant?.principalStatements ?? [];
  const role = grantee.grantPrincipal;
  if (statements.length > 0 && isImmutable(role)) {
    warn(
      scope,
      'immutableRole',
      `the role ${role.node.path} gets no permission, because the app must not change it; add to its policy: ${statementText(scope, ...statements)}`,
    );
  }
  return grant;
}

/** A role imported with `mutable: false`. Its class is private to CDK, but not the identifier of the class. */
function isImmutable(principal: iam.IPrincipal): principal is iam.IRole {
  const { PROPERTY_INJECTION_ID } = principal.constructor as { PROPERTY_INJECTION_ID?: string };
  return PROPERTY_INJECTION_ID === 'aws-cdk-lib.aws-iam.ImmutableRole';
}
