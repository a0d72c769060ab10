/** Grants the least permissions that queues and secrets need, and warns about grants that have no effect. */
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
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

/** Like `ISecret.grantRead`, but without `secretsmanager:DescribeSecret`. */
export function grantSecret(secret: secretsmanager.ISecret, grantee: lambda.Function): void {
  const read = iam.Grant.addToPrincipalOrResource({
    grantee,
    actions: ['secretsmanager:GetSecretValue'],
    // The ARN of a secret that was imported by its name lacks the random suffix of six characters.
    resourceArns: [secret.secretFullArn ?? `${secret.secretArn}-??????`],
    resource: secret,
  });
  checked(grantee, grantee, read);
  if (!secret.encryptionKey) return;
  // The policy of an imported key cannot change, so the permission is in the policy of the function.
  const decrypt = iam.Grant.addToPrincipal({
    grantee,
    actions: ['kms:Decrypt'],
    resourceArns: [secret.encryptionKey.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': `secretsmanager.${secret.env.region}.amazonaws.com` } },
  });
  checked(grantee, grantee, decrypt);
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
