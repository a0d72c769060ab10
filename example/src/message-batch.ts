/**
 * Which messages travel in one `SendMessageBatch` call.
 *
 * In: messages in the order in which they are to be sent. Out: the next batch, within the limits of SQS.
 * Limits: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
 */

/** Messages in one call. */
export const MAX_BATCH_MESSAGES = 10;

/** Bytes of one message, and of all messages of one call together. */
export const MAX_BATCH_BYTES = 1_048_576;

/** One message for a queue. */
export interface Message {
  /** The body: text, at least one character. */
  readonly body: string;
  /** Only for FIFO queues: the group in which the order of messages holds. */
  readonly groupId?: string;
}

/** The bytes of a message, as SQS counts them for a message without attributes: those of its body in UTF-8. */
export function messageBytes(message: Message): number {
  return Buffer.byteLength(message.body, 'utf8');
}

/**
 * Removes the next batch from the front of `waiting`. It is empty only if nothing waits; a message over the limit
 * must not be among them.
 *
 * A batch holds at most one message of a group: SQS may refuse one message of a call and take the next, and so the
 * second would overtake the first.
 */
export function takeBatch<M extends Message>(waiting: M[]): M[] {
  const batch: M[] = [];
  const groups = new Set<string>();
  let bytes = 0;
  for (let at = 0; at < waiting.length && batch.length < MAX_BATCH_MESSAGES; ) {
    const message = waiting[at] as M;
    if (message.groupId !== undefined && groups.has(message.groupId)) {
      at += 1;
      continue;
    }
    bytes += messageBytes(message);
    if (bytes > MAX_BATCH_BYTES && batch.length > 0) break;
    if (message.groupId !== undefined) groups.add(message.groupId);
    batch.push(message);
    waiting.splice(at, 1);
  }
  return batch;
}
