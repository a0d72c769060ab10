/** The channels to the gateway: its queue, its function, and IoT Core. */

import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';

import {
  EventsNotPublishedError,
  MAX_BATCH_MESSAGES,
  MessagesNotSentError,
  type PushEvent,
  publishEvents,
  pushEvents,
  sendEvents,
} from '../index.js';
import type { Target } from './target.js';

/** The result of sending events. */
export interface Outcome {
  readonly sent: number;
  readonly failed: number;
  /** The error of the first event that failed. */
  readonly reason?: string;
}

export interface Channel {
  /** Events for each call. */
  readonly eventsPerCall: number;
  /** Never throws; the outcome counts the events that could not be sent. */
  readonly send: (events: readonly PushEvent[]) => Promise<Outcome>;
}

/** Events in one invocation, far below the payload limit of 6 MB. */
const EVENTS_PER_INVOCATION = 1_000;

/** The group of a message for a FIFO queue: the dimensions of the event, which identify its series. */
const groupOf = (event: PushEvent): string =>
  Object.values(event.dimensions)
    .join('.')
    .replace(/[^\w.-]/g, '_')
    .slice(0, 128) || 'none';

export function openChannel({ channel, address, client }: Target): Channel {
  switch (channel) {
    case 'queue': {
      const sqs = new SQSClient(client);
      const options = address.endsWith('.fifo') ? { groupOf } : {};
      return channelOf(MAX_BATCH_MESSAGES, (events) => sendEvents(sqs, address, events, options));
    }
    case 'function': {
      const lambda = new LambdaClient(client);
      return channelOf(EVENTS_PER_INVOCATION, (events) => pushEvents(lambda, address, events));
    }
    case 'iot': {
      const iot = new IoTDataPlaneClient(client);
      return channelOf(1, (events) => publishEvents(iot, address, events));
    }
  }
}

function channelOf(eventsPerCall: number, sendAll: (events: readonly PushEvent[]) => Promise<unknown>): Channel {
  const send = async (events: readonly PushEvent[]): Promise<Outcome> => {
    try {
      await sendAll(events);
      return { sent: events.length, failed: 0 };
    } catch (error) {
      const sent = sentBefore(error);
      return { sent, failed: events.length - sent, reason: String(error) };
    }
  };
  return { eventsPerCall, send };
}

/** A failed invocation may have written some events but does not report how many, so all of them count as failed. */
function sentBefore(error: unknown): number {
  if (error instanceof MessagesNotSentError) return error.sent;
  return error instanceof EventsNotPublishedError ? error.published : 0;
}
