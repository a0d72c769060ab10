/** The producer for IoT Core against an endpoint of its own: topics, QoS, and what an error says. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';

import { encodeEvents, EventsNotPublishedError, type PushEvent, publishEvents, topicOf } from '../../src/index.js';
import { IotEndpoint } from './iot-endpoint.js';

const TOPIC = 'devices/<device>/events';
const eventOf = (device: string): PushEvent => ({ dimensions: { device }, timestamp: 1_676_398_017_000, metrics: { t: '14.30' } });

const clientOf = ({ url }: IotEndpoint): IoTDataPlaneClient =>
  new IoTDataPlaneClient({ region: 'eu-west-1', endpoint: url, credentials: { accessKeyId: 'a', secretAccessKey: 'b' }, maxAttempts: 1 });

test('each event is published as one message, on the topic of its device', async () => {
  await using endpoint = await IotEndpoint.start(async () => {});
  const events = Array.from({ length: 25 }, (_, at) => eventOf(`device ${at}`));
  await publishEvents(clientOf(endpoint), TOPIC, events);
  const byTopic = new Map(endpoint.published.map((message) => [message.topic, message]));
  assert.equal(endpoint.published.length, 25);
  for (const event of events) {
    const topic = `devices/${event.dimensions['device']}/events`;
    // QoS 0 would let IoT Core answer before it has the message.
    assert.deepEqual(byTopic.get(topic), { topic, qos: '1', payload: encodeEvents(event) });
  }
});

test('an error holds the events that were not published, and the others were', async () => {
  await using endpoint = await IotEndpoint.start((payload) => (payload.includes('bad') ? Promise.reject(new Error('not now')) : Promise.resolve()));
  const events = [eventOf('good'), eventOf('bad'), eventOf('a/b')];
  const error = await publishEvents(clientOf(endpoint), TOPIC, events).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EventsNotPublishedError, String(error));
  assert.deepEqual(error.unpublished.map(({ event }) => event), events.slice(1));
  assert.equal(error.published, 1);
  assert.match(error.message, /^2 of 3 events were not published, the first: .*not now/);
});

/** Topic names: https://docs.aws.amazon.com/iot/latest/developerguide/topics.html; a slash would lead past the rule. */
test('a topic is not made from what is no level of a topic', () => {
  assert.equal(topicOf(TOPIC, eventOf('pond-1')), 'devices/pond-1/events');
  assert.equal(topicOf('events', eventOf('pond-1')), 'events');
  for (const device of ['a/b', '+', '#']) assert.throws(() => topicOf(TOPIC, eventOf(device)), /a level of a topic has no/);
  assert.throws(() => topicOf(TOPIC, eventOf('')), /needs the dimension device/);
  assert.throws(() => topicOf('devices/<name>/events', eventOf('a')), /needs the dimension name/);
});
