/** Grants on queues, and not an action more than is needed. */
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sqs from 'aws-cdk-lib/aws-sqs';

/** What an event source mapping needs: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
export function grantReceive(queue: sqs.IQueue, grantee: iam.IGrantable): void {
  queue.grant(grantee, 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage');
  queue.encryptionMasterKey?.grant(grantee, 'kms:Decrypt');
}

/** Sending, to an encrypted queue too: a data key is made for messages, and decrypted when it is used again. */
export function grantSend(queue: sqs.IQueue, grantee: iam.IGrantable): void {
  queue.grant(grantee, 'sqs:SendMessage');
  queue.encryptionMasterKey?.grant(grantee, 'kms:Decrypt', 'kms:GenerateDataKey');
}
