/**
 * Sends events to the gateway's queue.
 *
 * In: events, and a client and a queue of the caller. Out: the ids of the messages, once SQS has all of them; else an
 * error that holds each message that SQS does not have, with the reason. What is sent twice because an answer was
 * lost changes nothing: the gateway and its receiver take the same sample twice as one.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';

import { encodeEvents, type PushEvent } from './event.js';
import { MAX_BATCH_BYTES, type Message, messageBytes, takeBatch } from './message-batch.js';

/** The longest wait after a call that did not send everything; it doubles with each further one that sent nothing. */
const FIRST_BACKOFF_MS = 100;
const LAST_BACKOFF_MS = 5_000;

/** How to send. */
export interface SendOptions {
  /**
   * Calls in a row from which SQS may take nothing before the rest is given up, at least 1.
   * These are calls that SQS answered; calls that fail as a whole are retried by the client, see its `maxAttempts`.
   * @default 5
   */
  readonly attempts?: number;
  /** Stops sending; what is not sent by then is in the error. */
  readonly signal?: AbortSignal;
}

/** How to send events. */
export interface SendEventsOptions extends SendOptions {
  /**
   * Only for FIFO queues, and needed there: the group of an event (1 to 128 characters). Within a group the order holds.
   */
  readonly groupOf?: (event: PushEvent) => string;
}

/** A message of which SQS did not say that it has it. */
export interface UnsentMessage {
  readonly message: Message;
  /** Why, for a person. */
  readonly reason: string;
}

/** Not every message was sent. */
export class MessagesNotSentError extends Error {
  override readonly name = 'MessagesNotSentError';
  /** The messages that were not sent, in their order; they can be given to {@link sendMessages} again. */
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
 * One call travels at a time. Whoever has more than about a thousand events a second calls this several times at once
 * with a part of the events each.
 *
 * @throws MessagesNotSentError if SQS does not have all of them at the end
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
 * Sends messages of any kind, such as several events in one, and returns the message ids in the order of the messages.
 *
 * @throws MessagesNotSentError if SQS does not have all of them at the end
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
      if (bytes > MAX_BATCH_BYTES) refusals.set(message.place, `${bytes} bytes are over the limit of ${MAX_BATCH_BYTES}`);
      return bytes <= MAX_BATCH_BYTES;
    });
    for (let fruitless = 0; waiting.length > 0; ) {
      const outcome = await sendBatch(client, queueUrl, takeBatch(waiting), signal);
      for (const [message, id] of outcome.sent) ids.set(message.place, id);
      for (const [message, reason] of outcome.refused) refusals.set(message.place, reason);
      if (outcome.postponed.length === 0) continue;

      fruitless = outcome.sent.length > 0 ? 0 : fruitless + 1;
      const [, reason] = outcome.postponed[0] as Postponed;
      if (fruitless >= attempts) throw new Error(`SQS took nothing in ${attempts} calls in a row, at last: ${reason}`);
      // To the front again, so that nothing of their groups overtakes them.
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

/** A message with its place among all; what identifies it stays the same however often it is sent. */
interface WaitingMessage extends Message {
  readonly place: number;
  readonly deduplicationId?: string;
}

type Postponed = readonly [WaitingMessage, reason: string];

/** What became of the messages of one call. */
interface BatchOutcome {
  readonly sent: readonly (readonly [WaitingMessage, id: string])[];
  /** Never to be sent again as they are. */
  readonly refused: readonly (readonly [WaitingMessage, reason: string])[];
  /** To be sent again. */
  readonly postponed: readonly Postponed[];
}

function waitingMessage(message: Message, place: number): WaitingMessage {
  // SQS takes the same id within five minutes as the same message, so a call that is made again doubles nothing.
  return message.groupId === undefined ? { ...message, place } : { ...message, place, deduplicationId: randomUUID() };
}

/** @throws whatever the client throws when a call fails as a whole, after the client's own retries */
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
    const reason = failure === undefined ? 'no answer for this message' : `${failure.Code}: ${failure.Message ?? 'no reason given'}`;
    if (id !== undefined) sent.push([message, id]);
    else if (failure?.SenderFault === true) refused.push([message, reason]);
    else postponed.push([message, reason]);
  });
  return { sent, refused, postponed };
}

/** Full jitter: producers that failed together do not come back together. */
async function backOff(fruitless: number, signal: AbortSignal | undefined): Promise<void> {
  const longest = Math.min(FIRST_BACKOFF_MS * 2 ** fruitless, LAST_BACKOFF_MS);
  await delay(Math.random() * longest, undefined, signal === undefined ? {} : { signal });
}
