/** The query functions, invoked with the AWS SDK's Lambda client. */

import assert from 'node:assert/strict';

import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';

import { readings } from '../support/events.js';
import { samplesBySeries, scenario, send, settle } from '../support/scenario.js';
import { type Sample, seriesName } from '../support/series.js';

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

async function invoke<Data>(lambda: LambdaClient, FunctionName: string, parameters: object): Promise<Answer<Data>> {
  const { FunctionError, Payload } = await lambda.send(
    new InvokeCommand({ FunctionName, Payload: JSON.stringify(parameters) }),
  );
  const answer = Payload?.transformToString() ?? '';
  assert.equal(FunctionError, undefined, answer);
  return JSON.parse(answer) as Answer<Data>;
}

scenario('the query functions return exactly what was sent', [], async (stack, context) => {
  const { lambda } = stack;
  const endMs = Date.now();
  const events = readings({ devices: 3, perDevice: 40, intervalMs: INTERVAL_MS, endMs });
  await send(stack, events);
  await settle(stack);

  await context.test('a range query with steps at the samples returns the samples', async () => {
    const seconds = (ms: number): string => (ms / 1_000).toFixed(3);
    const startMs = Math.min(...events.map(({ timestamp }) => timestamp));
    const range = { start: seconds(startMs), end: seconds(endMs), step: INTERVAL_MS / 1_000 };
    const { statusCode, body } = await invoke<Matrix>(lambda, 'range_query', { query: '{site="north"}', ...range });
    assert.equal(statusCode, 200, body.error);
    const found = new Map<string, Sample[]>();
    for (const { metric, values } of body.data?.result ?? []) {
      const samples = values.map(([at, value]) => ({ timestamp: Math.round(at * 1_000), value: Number(value) }));
      found.set(seriesName(metric), samples);
    }
    assert.deepEqual(found, samplesBySeries(events));
  });

  await context.test('list_metrics lists the metrics', async () => {
    const { body } = await invoke<{ metrics: string[]; total: number }>(lambda, 'list_metrics', {});
    assert.deepEqual(body.data?.metrics, ['reading_number', 'temperature_celsius']);
  });

  await context.test('a syntax error returns the error message of Prometheus', async () => {
    const { statusCode, body } = await invoke(lambda, 'query', { query: 'sum(temperature_celsius' });
    assert.deepEqual([statusCode, body.success], [400, false]);
    assert.match(body.error ?? '', /unclosed left parenthesis/);
  });
});
