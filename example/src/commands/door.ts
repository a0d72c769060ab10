/** A door of the gateway: a target becomes a function that takes events and says how many of them were taken. */

import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';

import { EventsNotPublishedError, MAX_BATCH_MESSAGES, MessagesNotSentError, type PushEvent, publishEvents, pushEvents, sendEvents } from '../index.js';
import type { Target } from './target.js';

/** What became of some events. */
export interface Outcome {
  readonly sent: number;
  readonly failed: number;
  /** Why the first that failed did, for a person. */
  readonly reason?: string;
}

export interface Door {
  /** How many events are best given at once. */
  readonly eventsPerCall: number;
  /** Never throws: what could not be sent is in the outcome. */
  readonly send: (events: readonly PushEvent[]) => Promise<Outcome>;
}

/** Events in one invocation: far below the 6 MB of a payload. */
const EVENTS_PER_INVOCATION = 1_000;

/** The group of every message for a FIFO queue: the event's labels, which are those of its series. */
const groupOf = (event: PushEvent): string => Object.values(event.dimensions).join('.').replace(/[^\w.-]/g, '_').slice(0, 128) || 'none';

export function openDoor({ door, address, client }: Target): Door {
  switch (door) {
    case 'queue': {
      const sqs = new SQSClient(client);
      const options = address.endsWith('.fifo') ? { groupOf } : {};
      return doorOf(MAX_BATCH_MESSAGES, (events) => sendEvents(sqs, address, events, options));
    }
    case 'function': {
      const lambda = new LambdaClient(client);
      return doorOf(EVENTS_PER_INVOCATION, (events) => pushEvents(lambda, address, events));
    }
    case 'iot': {
      const iot = new IoTDataPlaneClient(client);
      return doorOf(1, (events) => publishEvents(iot, address, events));
    }
  }
}

function doorOf(eventsPerCall: number, sendAll: (events: readonly PushEvent[]) => Promise<unknown>): Door {
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

/** An invocation that fails may have written some of its events, but does not say how many: all of them count as failed. */
function sentBefore(error: unknown): number {
  if (error instanceof MessagesNotSentError) return error.sent;
  return error instanceof EventsNotPublishedError ? error.published : 0;
}
