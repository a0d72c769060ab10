/** The JSON of events keeps every value of JavaScript. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { encodeEvents, type PushEvent } from '../../src/index.js';

const withValue = (m: number): PushEvent => ({ dimensions: {}, timestamp: 1_676_398_017_000, metrics: { m } });

test('an event keeps its values', () => {
  const event = {
    dimensions: { site: 'north' },
    timestamp: 1_676_398_017_000,
    metrics: { ph: '6.70', temperature: 14.3 },
  };
  const expected =
    '{"dimensions":{"site":"north"},"timestamp":1676398017000,"metrics":{"ph":"6.70","temperature":14.3}}';
  assert.equal(encodeEvents(event), expected);
  assert.equal(encodeEvents([event, event]), `[${expected},${expected}]`);
  assert.equal(encodeEvents([]), '[]');
});

/** README, "Events": strings "may be `NaN`, `Inf`, `+Inf`, `-Inf`"; JSON has no numbers for them. */
test('values without a JSON number become strings', () => {
  const cases = [
    [Number.NaN, '"NaN"'],
    [Infinity, '"+Inf"'],
    [-Infinity, '"-Inf"'],
    [-0, '"-0.0"'],
    [0, '0'],
  ] as const;
  for (const [value, json] of cases) {
    assert.equal(encodeEvents(withValue(value)), `{"dimensions":{},"timestamp":1676398017000,"metrics":{"m":${json}}}`);
  }
});

/** https://tc39.es/ecma262/#sec-numeric-types-number-tostring: the shortest digits that read back to the same double. */
test('every double is read back exactly', () => {
  for (const value of [0.1 + 0.2, Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53 + 2, 1e21, 1 / 3]) {
    const { metrics } = JSON.parse(encodeEvents(withValue(value))) as PushEvent;
    assert.ok(Object.is(metrics['m'], value), `${value}`);
  }
});

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html, "Message content" */
test('characters that SQS rejects are escaped', () => {
  const site = Array.from({ length: 0x1_0000 }, (_, code) => String.fromCharCode(code)).join('');
  const json = encodeEvents({ dimensions: { site }, timestamp: 1, metrics: { m: 1 } });
  assert.match(json, /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u);
  assert.equal((JSON.parse(json) as PushEvent).dimensions['site'], site);
});
