/** The producer for IoT Core: topics, QoS and errors. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';

import { encodeEvents, EventsNotPublishedError, type PushEvent, publishEvents, topicOf } from '../../src/index.js';
import { IotEndpoint } from './iot-endpoint.js';

const TOPIC = 'devices/<device>/events';
const eventOf = (device: string): PushEvent => ({
  dimensions: { device },
  timestamp: 1_676_398_017_000,
  metrics: { t: '14.30' },
});

const clientOf = ({ url }: IotEndpoint): IoTDataPlaneClient =>
  new IoTDataPlaneClient({
    region: 'eu-west-1',
    endpoint: url,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });

test('each event is one message on the topic of its device', async () => {
  await using endpoint = await IotEndpoint.start(async () => {});
  const events = Array.from({ length: 25 }, (_, at) => eventOf(`device ${at}`));
  await publishEvents(clientOf(endpoint), TOPIC, events);
  const byTopic = new Map(endpoint.published.map((message) => [message.topic, message]));
  assert.equal(endpoint.published.length, 25);
  for (const event of events) {
    const topic = `devices/${event.dimensions['device']}/events`;
    // With QoS 0, IoT Core would not confirm messages.
    assert.deepEqual(byTopic.get(topic), { topic, qos: '1', payload: encodeEvents(event) });
  }
});

test('the error contains the events that were not published', async () => {
  await using endpoint = await IotEndpoint.start((payload) =>
    payload.includes('bad') ? Promise.reject(new Error('not now')) : Promise.resolve(),
  );
  const events = [eventOf('good'), eventOf('bad'), eventOf('a/b')];
  const error = await publishEvents(clientOf(endpoint), TOPIC, events).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EventsNotPublishedError, String(error));
  assert.deepEqual(
    error.unpublished.map(({ event }) => event),
    events.slice(1),
  );
  assert.equal(error.published, 1);
  assert.match(error.message, /^2 of 3 events were not published, the first: .*not now/);
});

/** https://docs.aws.amazon.com/iot/latest/developerguide/topics.html */
test('a dimension that is not a topic level is rejected', () => {
  assert.equal(topicOf(TOPIC, eventOf('pond-1')), 'devices/pond-1/events');
  assert.equal(topicOf('events', eventOf('pond-1')), 'events');
  for (const device of ['a/b', '+', '#'])
    assert.throws(() => topicOf(TOPIC, eventOf(device)), /expected a topic level/);
  assert.throws(() => topicOf(TOPIC, eventOf('')), /requires the dimension device/);
  assert.throws(() => topicOf('devices/<name>/events', eventOf('a')), /requires the dimension name/);
});
