/**
 * Credentials that expire while events arrive, as a function's role credentials do.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */

import { setTimeout as delay } from 'node:timers/promises';

import { readings } from '../support/events.js';
import { scenario } from '../support/scenario.js';

/** More than two lives of the credentials. */
const SECONDS = 45;

scenario('events are delivered across the expiry of credentials', ['--rotate-credentials', '20s'], async (run) => {
  for (let second = 0; second < SECONDS; second += 1) {
    await run.send(readings({ devices: 5, perDevice: 1, intervalMs: 0, endMs: Date.now() }));
    await delay(1_000);
  }
  await run.settle();
});
