/** Poison messages among good ones: each is set aside alone, unchanged, with its reason. README, "What becomes of an event". */

import { encodeEvents } from '../../src/index.js';
import { noise, readings, shuffled } from '../support/events.js';
import { scenario, type UnsentPoison } from '../support/scenario.js';

const HOUR_MS = 3_600_000;

const invalid = (body: string): UnsentPoison => ({ message: { body }, reason: 'invalid' });

function poison(now: number): UnsentPoison[] {
  const event = { dimensions: { device: 'device-0', site: 'north' }, timestamp: now, metrics: { temperature_celsius: 20 } };
  const json = encodeEvents(event);
  return [
    invalid(json.slice(0, -1)),
    invalid(encodeEvents({ ...event, metrics: { temperature_celsius: '12 degrees' } })),
    invalid(encodeEvents({ ...event, metrics: {} })),
    invalid(`{"dimensions":{},"timestamp":"${now}","metrics":{"m":1}}`),
    invalid(Buffer.from([0xff, 0xfe, 0x00, 0x9f, 0x80]).toString('base64')),
    invalid(Buffer.from(json.slice(0, 40)).toString('base64')),
    // One bad event makes its message invalid as a whole, so nothing of the good one beside it is written.
    invalid(`[${json},{}]`),
    invalid('  hello "é" \u{1f600}\t\n '),
    // AMP: "Metric samples older than 1 hour are refused"
    // (https://docs.aws.amazon.com/prometheus/latest/userguide/AMP_quotas.html).
    { message: { body: encodeEvents({ ...event, timestamp: now - 2 * HOUR_MS }) }, reason: 'rejected', status: '400' },
  ];
}

scenario('poison among good messages is set aside with its reason, and harms no other', [], async (run) => {
  const now = Date.now();
  const good = readings({ devices: 5, perDevice: 20, intervalMs: 1_000, endMs: now - 1_000 });
  await run.sendMixed(shuffled([...good, ...poison(now)], noise(3)));
  await run.settle();
});
