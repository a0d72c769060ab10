/** Reads queues with the SQS API. */

import { GetQueueAttributesCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';

import { waitFor } from './wait.js';

/** A message of the dead-letter queue. */
export interface DeadLetter {
  readonly body: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** The number of messages in a queue: visible, in flight and delayed. */
export async function messageCount(sqs: SQSClient, queueUrl: string): Promise<number> {
  const names = [
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesNotVisible',
    'ApproximateNumberOfMessagesDelayed',
  ] as const;
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...names] }),
  );
  return names.reduce((sum, name) => sum + Number(Attributes?.[name]), 0);
}

export async function queueArn(sqs: SQSClient, queueUrl: string): Promise<string> {
  const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['QueueArn'] });
  const { Attributes } = await sqs.send(command);
  return Attributes?.QueueArn ?? '';
}

/** Receives every message of a dead-letter queue without deleting it. */
export async function readDeadLetters(sqs: SQSClient, queueUrl: string): Promise<DeadLetter[]> {
  const expected = await messageCount(sqs, queueUrl);
  const letters = new Map<string, DeadLetter>();
  const receive = async (): Promise<number> => {
    const command = new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 10,
      MessageAttributeNames: ['All'],
      VisibilityTimeout: 600,
    });
    const { Messages = [] } = await sqs.send(command);
    for (const { MessageId = '', Body = '', MessageAttributes = {} } of Messages) {
      const attributes = Object.entries(MessageAttributes).map(
        ([name, value]) => [name, value.StringValue ?? ''] as const,
      );
      letters.set(MessageId, { body: Body, attributes: new Map(attributes) });
    }
    return letters.size;
  };
  await waitFor(`${expected} dead letters to be received`, receive, (received) => received >= expected);
  return [...letters.values()];
}
