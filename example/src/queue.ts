/**
 * Sends events to the queue of the gateway. Sending an event twice changes nothing, so retries are safe.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';

import { encodeEvents, type PushEvent } from './event.js';
import { MAX_BATCH_BYTES, type Message, messageBytes, takeBatch } from './message-batch.js';

/** The maximum wait after a call that sent only a part. It doubles after each call that sent nothing. */
const FIRST_BACKOFF_MS = 100;
const LAST_BACKOFF_MS = 5_000;

/** Settings for sending messages. */
export interface SendOptions {
  /**
   * Number of consecutive calls in which SQS accepts no message before sending stops, at least 1. The client retries
   * calls that fail as a whole, see its `maxAttempts`.
   * @default 5
   */
  readonly attempts?: number;
  /** Stops sending. The error contains the messages that were not sent. */
  readonly signal?: AbortSignal;
}

/** Settings for sending events. */
export interface SendEventsOptions extends SendOptions {
  /**
   * The group of an event (1 to 128 characters), within which SQS keeps the order. Required for FIFO queues, and only
   * valid for them.
   */
  readonly groupOf?: (event: PushEvent) => string;
}

/** A message that SQS did not confirm. */
export interface UnsentMessage {
  readonly message: Message;
  /** The error message. */
  readonly reason: string;
}

/** Some messages were not sent. */
export class MessagesNotSentError extends Error {
  override readonly name = 'MessagesNotSentError';
  /** The messages that were not sent, in the given order. {@link sendMessages} can send them again. */
  readonly unsent: readonly UnsentMessage[];
  /** How many were sent. */
  readonly sent: number;

  constructor(unsent: readonly UnsentMessage[], sent: number, cause?: unknown) {
    const reason = unsent[0]?.reason ?? 'for no reason';
    super(`${unsent.length} of ${sent + unsent.length} messages were not sent, the first: ${reason}`, { cause });
    this.unsent = unsent;
    this.sent = sent;
  }
}

/**
 * Sends each event as one message, and returns the message ids in the order of the events.
 *
 * Calls to SQS are sequential. For more than about a thousand events per second, split the events and call this
 * concurrently.
 *
 * @throws MessagesNotSentError if SQS did not confirm all of them
 */
export async function sendEvents(
  client: SQSClient,
  queueUrl: string,
  events: Iterable<PushEvent>,
  options: SendEventsOptions = {},
): Promise<string[]> {
  const { groupOf, ...sendOptions } = options;
  const messages = Array.from(events, (event): Message => {
    const body = encodeEvents(event);
    return groupOf === undefined ? { body } : { body, groupId: groupOf(event) };
  });
  return sendMessages(client, queueUrl, messages, sendOptions);
}

/**
 * Sends messages with any body, such as several events, and returns the message ids in the order of the messages.
 *
 * @throws MessagesNotSentError if SQS did not confirm all of them
 */
export async function sendMessages(
  client: SQSClient,
  queueUrl: string,
  messages: Iterable<Message>,
  options: SendOptions = {},
): Promise<string[]> {
  const { attempts = 5, signal } = options;
  const all = [...messages];
  const ids = new Map<number, string>();
  const refusals = new Map<number, string>();
  let stoppedBy: unknown;
  try {
    const waiting = all.map(waitingMessage).filter((message) => {
      const bytes = messageBytes(message);
      if (bytes > MAX_BATCH_BYTES)
        refusals.set(message.place, `expected at most ${MAX_BATCH_BYTES} bytes, got ${bytes}`);
      return bytes <= MAX_BATCH_BYTES;
    });
    for (let fruitless = 0; waiting.length > 0;) {
      const outcome = await sendBatch(client, queueUrl, takeBatch(waiting), signal);
      for (const [message, id] of outcome.sent) ids.set(message.place, id);
      for (const [message, reason] of outcome.refused) refusals.set(message.place, reason);
      if (outcome.postponed.length === 0) continue;

      fruitless = outcome.sent.length > 0 ? 0 : fruitless + 1;
      const [, reason] = outcome.postponed[0] as Postponed;
      if (fruitless >= attempts)
        throw new Error(`SQS accepted no message in ${attempts} consecutive calls, the last error: ${reason}`);
      // Back to the front, to keep the order of their groups.
      waiting.unshift(...outcome.postponed.map(([message]) => message));
      await backOff(fruitless, signal);
    }
  } catch (error) {
    stoppedBy = error;
  }

  const unsent = all.flatMap((message, place): UnsentMessage[] =>
    ids.has(place) ? [] : [{ message, reason: refusals.get(place) ?? String(stoppedBy) }],
  );
  if (unsent.length > 0) throw new MessagesNotSentError(unsent, ids.size, stoppedBy);
  return all.map((_, place) => ids.get(place) as string);
}

/** A message with its index. Its deduplication id stays the same in every call. */
interface WaitingMessage extends Message {
  readonly place: number;
  readonly deduplicationId?: string;
}

type Postponed = readonly [WaitingMessage, reason: string];

/** The result of one call. */
interface BatchOutcome {
  readonly sent: readonly (readonly [WaitingMessage, id: string])[];
  /** Rejected for good. */
  readonly refused: readonly (readonly [WaitingMessage, reason: string])[];
  /** To retry. */
  readonly postponed: readonly Postponed[];
}

function waitingMessage(message: Message, place: number): WaitingMessage {
  // Within five minutes, SQS ignores a message with the same id, so a repeated call creates no duplicates.
  return message.groupId === undefined ? { ...message, place } : { ...message, place, deduplicationId: randomUUID() };
}

/** @throws the error of the client if the call fails as a whole, after the retries of the client */
async function sendBatch(
  client: SQSClient,
  queueUrl: string,
  batch: readonly WaitingMessage[],
  signal: AbortSignal | undefined,
): Promise<BatchOutcome> {
  signal?.throwIfAborted();
  const entries = batch.map((message, at) => ({
    Id: String(at),
    MessageBody: message.body,
    MessageGroupId: message.groupId,
    MessageDeduplicationId: message.deduplicationId,
  }));
  const command = new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries });
  const { Successful, Failed } = await client.send(command, signal === undefined ? {} : { abortSignal: signal });

  const successes = new Map(Successful?.map((entry) => [entry.Id, entry]));
  const failures = new Map(Failed?.map((entry) => [entry.Id, entry]));
  const sent: [WaitingMessage, string][] = [];
  const refused: [WaitingMessage, string][] = [];
  const postponed: [WaitingMessage, string][] = [];
  batch.forEach((message, at) => {
    const id = successes.get(String(at))?.MessageId;
    const failure = failures.get(String(at));
    const reason = failure === undefined ? 'no result for this message' : `${failure.Code}: ${failure.Message ?? ''}`;
    if (id !== undefined) sent.push([message, id]);
    else if (failure?.SenderFault === true) refused.push([message, reason]);
    else postponed.push([message, reason]);
  });
  return { sent, refused, postponed };
}

/** Waits with full jitter, so that producers that failed together retry at different times. */
async function backOff(fruitless: number, signal: AbortSignal | undefined): Promise<void> {
  const longest = Math.min(FIRST_BACKOFF_MS * 2 ** fruitless, LAST_BACKOFF_MS);
  await delay(Math.random() * longest, undefined, signal === undefined ? {} : { signal });
}
