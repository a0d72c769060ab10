/**
 * Splits messages into batches within the limits of `SendMessageBatch`:
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
 */

/** Messages in one call. */
export const MAX_BATCH_MESSAGES = 10;

/** Bytes of one message, and of all messages of one call together. */
export const MAX_BATCH_BYTES = 1_048_576;

/** One message for a queue. */
export interface Message {
  /** The body: text, at least one character. */
  readonly body: string;
  /** Group of a FIFO queue, within which SQS keeps the order of messages. */
  readonly groupId?: string;
}

/** The size of a message without attributes, as SQS counts it: the bytes of its body in UTF-8. */
export function messageBytes(message: Message): number {
  return Buffer.byteLength(message.body, 'utf8');
}

/**
 * Removes the next batch from the front of `waiting`, in which every message must be within the limit. The batch is empty
 * only if `waiting` is.
 *
 * A batch has at most one message of a group, because SQS may reject one message of a call and accept the next.
 */
export function takeBatch<M extends Message>(waiting: M[]): M[] {
  const batch: M[] = [];
  const groups = new Set<string>();
  let bytes = 0;
  for (let at = 0; at < waiting.length && batch.length < MAX_BATCH_MESSAGES;) {
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
