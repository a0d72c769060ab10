/**
 * Publishes events to IoT Core, where a rule passes them on to the gateway.
 *
 * In: events, and a client and a topic of the caller. Out: nothing, once IoT Core has all of them; else an error that
 * holds each event that it does not have. What is published twice because an answer was lost changes nothing.
 */

import { type IoTDataPlaneClient, PublishCommand } from '@aws-sdk/client-iot-data-plane';

import { encodeEvents, type PushEvent } from './event.js';

/** Calls that travel at once: most of a call is waiting for the answer. */
const CALLS_AT_ONCE = 10;

/** What would lead to another topic than the one that is meant, or to none. */
const NOT_IN_A_LEVEL = /[/+#\0]/;

/** An event of which IoT Core did not say that it has it. */
export interface UnpublishedEvent {
  readonly event: PushEvent;
  /** Why, for a person. */
  readonly reason: string;
}

/** Not every event was published. */
export class EventsNotPublishedError extends Error {
  override readonly name = 'EventsNotPublishedError';
  /** The events that were not published, in their order. */
  readonly unpublished: readonly UnpublishedEvent[];
  /** How many were published. */
  readonly published: number;

  constructor(unpublished: readonly UnpublishedEvent[], published: number) {
    const reason = unpublished[0]?.reason ?? 'for no reason';
    super(`${unpublished.length} of ${published + unpublished.length} events were not published, the first: ${reason}`);
    this.unpublished = unpublished;
    this.published = published;
  }
}

/**
 * Publishes each event as one message of at most 128 KB, with QoS 1: IoT Core answers once it has the message.
 *
 * Messages travel some at a time and may overtake each other; the workspace's out-of-order time window takes them in.
 * A call that fails as a whole is retried by the client, see its `maxAttempts`.
 *
 * @param topic where to; `<name>` in it stands for the event's dimension of that name, as in `devices/<device>/events`
 * @throws EventsNotPublishedError if IoT Core does not have all of them at the end
 * @see https://docs.aws.amazon.com/iot/latest/apireference/API_iotdata_Publish.html
 */
export async function publishEvents(client: IoTDataPlaneClient, topic: string, events: Iterable<PushEvent>): Promise<void> {
  const all = [...events];
  const reasons = new Map<number, string>();
  const places = all.keys();
  const publishInTurn = async (): Promise<void> => {
    // All lanes take from one iterator, so each event has exactly one.
    for (const place of places) {
      const event = all[place] as PushEvent;
      try {
        const payload = Buffer.from(encodeEvents(event));
        await client.send(new PublishCommand({ topic: topicOf(topic, event), qos: 1, payload }));
      } catch (error) {
        reasons.set(place, String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, publishInTurn));
  const unpublished = all.flatMap((event, place): UnpublishedEvent[] => {
    const reason = reasons.get(place);
    return reason === undefined ? [] : [{ event, reason }];
  });
  if (unpublished.length > 0) throw new EventsNotPublishedError(unpublished, all.length - unpublished.length);
}

/**
 * The topic of an event: `<name>` is replaced by its dimension of that name.
 *
 * @throws if there is no such dimension, or its value cannot be a level of a topic
 */
export function topicOf(topic: string, event: PushEvent): string {
  return topic.replace(/<([^<>]+)>/g, (_, name: string) => {
    const value = event.dimensions[name];
    if (value === undefined || value === '') throw new Error(`the topic ${topic} needs the dimension ${name}`);
    if (NOT_IN_A_LEVEL.test(value)) {
      throw new Error(`the dimension ${name} is ${JSON.stringify(value)}, and a level of a topic has no "/", "+" or "#"`);
    }
    return value;
  });
}
