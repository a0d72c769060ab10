/** Invalid and rejected messages among valid ones. */

import assert from 'node:assert/strict';

import { encodeEvents, sendMessages } from '../../src/index.js';
import { readings } from '../support/events.js';
import { queueArn, readDeadLetters } from '../support/queues.js';
import { assertStored, scenario, send, settle } from '../support/scenario.js';

const HOUR_MS = 3_600_000;

interface Poison {
  readonly body: string;
  readonly reason: 'invalid' | 'rejected';
  /** The status of the receiver. */
  readonly status?: string;
}

const invalid = (body: string): Poison => ({ body, reason: 'invalid' });

function poison(now: number): Poison[] {
  const event = {
    dimensions: { device: 'device-0', site: 'north' },
    timestamp: now,
    metrics: { temperature_celsius: 20 },
  };
  const json = encodeEvents(event);
  return [
    invalid(json.slice(0, -1)),
    invalid(encodeEvents({ ...event, metrics: { temperature_celsius: '12 degrees' } })),
    invalid(encodeEvents({ ...event, metrics: {} })),
    invalid(`{"dimensions":{},"timestamp":"${now}","metrics":{"m":1}}`),
    invalid(Buffer.from([0xff, 0xfe, 0x00, 0x9f, 0x80]).toString('base64')),
    invalid(Buffer.from(json.slice(0, 40)).toString('base64')),
    // One invalid event makes its message invalid, so the valid event beside it is not written.
    invalid(`[${json},{}]`),
    invalid('  hello "é" \u{1f600}\t\n '),
    // AMP: "Metric samples older than 1 hour are refused"
    // (https://docs.aws.amazon.com/prometheus/latest/userguide/AMP_quotas.html).
    { body: encodeEvents({ ...event, timestamp: now - 2 * HOUR_MS }), reason: 'rejected', status: '400' },
  ];
}

scenario('poison messages become dead letters and affect no others', [], async (stack) => {
  const { sqs, endpoints } = stack;
  const { queueUrl, deadLetterQueueUrl } = endpoints.sqs;
  const now = Date.now();
  const good = readings({ devices: 5, perDevice: 20, intervalMs: 1_000, endMs: now - 1_000 });
  const bad = poison(now);
  await send(stack, good.slice(0, 50));
  const ids = await sendMessages(sqs, queueUrl, bad);
  await send(stack, good.slice(50));
  await settle(stack);

  await assertStored(stack, good);
  const source = await queueArn(sqs, queueUrl);
  const expected = new Map(bad.map((each, at) => [ids[at], { ...each, source, messageId: ids[at] }]));
  const letters = await readDeadLetters(sqs, deadLetterQueueUrl);
  for (const letter of letters) {
    const { detail = '', sentTimestamp = '', ...rest } = Object.fromEntries(letter.attributes);
    assert.deepEqual({ ...rest, body: letter.body }, expected.get(rest['messageId']));
    assert.match(detail, /^\S.+$/, 'the detail is one line');
    assert.match(sentTimestamp, /^\d{13}$/, 'the time of sending is in milliseconds');
  }
  // SQS delivers at least once, so there may be copies of a dead letter.
  assert.equal(new Set(letters.map(({ attributes }) => attributes.get('messageId'))).size, bad.length);
});
