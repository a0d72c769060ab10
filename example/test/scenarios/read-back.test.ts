/** What producers sent is read back by the query functions, invoked with the AWS SDK's Lambda client. */

import assert from 'node:assert/strict';

import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';

import { readings } from '../support/events.js';
import { scenario } from '../support/scenario.js';
import { type Sample, samplesOf, seriesName } from '../support/series.js';

const INTERVAL_MS = 1_000;

/** lambda/query/README.md, "Output" and "Errors". */
interface Answer<Data> {
  readonly statusCode: number;
  readonly body: { readonly success: boolean; readonly data?: Data; readonly error?: string };
}

interface Matrix {
  readonly resultType: 'matrix';
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    readonly values: readonly (readonly [seconds: number, value: string])[];
  }[];
}

async function ask<Data>(lambda: LambdaClient, FunctionName: string, parameters: object): Promise<Answer<Data>> {
  const { FunctionError, Payload } = await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(parameters) }));
  const answer = Payload?.transformToString() ?? '';
  assert.equal(FunctionError, undefined, answer);
  return JSON.parse(answer) as Answer<Data>;
}

scenario('what was sent is read back by the query functions to the last bit', [], async (run, context) => {
  const { lambda } = run.stack;
  const endMs = Date.now();
  const events = readings({ devices: 3, perDevice: 40, intervalMs: INTERVAL_MS, endMs });
  await run.send(events);
  await run.settle();

  await context.test('a range whose steps are at the times of the samples has their values', async () => {
    const seconds = (ms: number): string => (ms / 1_000).toFixed(3);
    const startMs = Math.min(...events.map(({ timestamp }) => timestamp));
    const range = { start: seconds(startMs), end: seconds(endMs), step: INTERVAL_MS / 1_000 };
    const { statusCode, body } = await ask<Matrix>(lambda, 'range_query', { query: '{site="north"}', ...range });
    assert.equal(statusCode, 200, body.error);
    const found = new Map<string, Sample[]>();
    for (const { metric, values } of body.data?.result ?? []) {
      const samples = values.map(([at, value]) => ({ timestamp: Math.round(at * 1_000), value: Number(value) }));
      found.set(seriesName(metric), samples);
    }
    const sent = new Map<string, Sample[]>();
    for (const { series, ...sample } of events.flatMap(samplesOf)) sent.set(series, [...(sent.get(series) ?? []), sample]);
    assert.deepEqual(found, sent);
  });

  await context.test('the metrics are listed', async () => {
    const { body } = await ask<{ metrics: string[]; total: number }>(lambda, 'list_metrics', {});
    assert.deepEqual(body.data?.metrics, ['reading_number', 'temperature_celsius']);
  });

  await context.test('a mistake in PromQL is told in the words of Prometheus', async () => {
    const { statusCode, body } = await ask(lambda, 'query', { query: 'sum(temperature_celsius' });
    assert.deepEqual([statusCode, body.success], [400, false]);
    assert.match(body.error ?? '', /unclosed left parenthesis/);
  });
});
