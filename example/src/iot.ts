/**
 * Publishes events to IoT Core, whose rule sends them to the gateway. Publishing an event twice changes nothing, so retries
 * are safe.
 */

import { type IoTDataPlaneClient, PublishCommand } from '@aws-sdk/client-iot-data-plane';

import { encodeEvents, type PushEvent } from './event.js';

/** Concurrent calls. */
const CALLS_AT_ONCE = 10;

/** Characters that would change the topic or make it invalid. */
const NOT_IN_A_LEVEL = /[/+#\0]/;

/** An event that IoT Core did not confirm. */
export interface UnpublishedEvent {
  readonly event: PushEvent;
  /** The error message. */
  readonly reason: string;
}

/** Some events were not published. */
export class EventsNotPublishedError extends Error {
  override readonly name = 'EventsNotPublishedError';
  /** The events that were not published, in the given order. */
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
 * Publishes each event as one message of at most 128 KB, with QoS 1: IoT Core confirms each message.
 *
 * Messages are sent concurrently and may arrive out of order, within the out-of-order time window of the workspace. The
 * client retries failed calls, see its `maxAttempts`.
 *
 * @param topic `<name>` in it is replaced by the dimension of that name, as in `devices/<device>/events`
 * @throws EventsNotPublishedError if IoT Core did not confirm all of them
 * @see https://docs.aws.amazon.com/iot/latest/apireference/API_iotdata_Publish.html
 */
export async function publishEvents(
  client: IoTDataPlaneClient,
  topic: string,
  events: Iterable<PushEvent>,
): Promise<void> {
  const all = [...events];
  const reasons = new Map<number, string>();
  const places = all.keys();
  const publishInTurn = async (): Promise<void> => {
    // All concurrent loops share one iterator, so each event is published once.
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
 * The topic of an event: `<name>` is replaced by the dimension of that name.
 *
 * @throws if the dimension is missing, or its value cannot be a topic level
 */
export function topicOf(topic: string, event: PushEvent): string {
  return topic.replace(/<([^<>]+)>/g, (_, name: string) => {
    const value = event.dimensions[name];
    if (value === undefined || value === '') throw new Error(`the topic ${topic} requires the dimension ${name}`);
    if (NOT_IN_A_LEVEL.test(value)) {
      throw new Error(
        `dimension ${name}: expected a topic level without "/", "+" and "#", got ${JSON.stringify(value)}`,
      );
    }
    return value;
  });
}
