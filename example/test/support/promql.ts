/**
 * Queries the workspace with PromQL over HTTP, signed for the service `aps`.
 *
 * API: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
 */

import assert from 'node:assert/strict';

import type { Endpoints } from './endpoints.js';
import { type Sample, seriesName } from './series.js';
import { SignedClient } from './signed-client.js';

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: { readonly resultType: string; readonly result: readonly ResultSeries[] };
}

interface ResultSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: ResultValue;
  readonly values?: readonly ResultValue[];
}

/** Seconds since the epoch with three decimals, and the value as text. */
type ResultValue = readonly [number, string];

/** The times of a range query. */
export interface Range {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepSeconds: number;
}

export class Workspace {
  readonly #queryUrl: string;
  readonly #client: SignedClient;

  constructor(endpoints: Endpoints) {
    this.#queryUrl = endpoints.amp.queryUrl;
    this.#client = new SignedClient(endpoints, 'aps');
  }

  /** The values of an instant query, by series. */
  async values(query: string): Promise<Map<string, number>> {
    const result = await this.#query('query', { query }, 'vector');
    return new Map(result.map(({ metric, value }) => [seriesName(metric), parseValue((value as ResultValue)[1])]));
  }

  /** The samples of a range selector such as `temperature[1h]`, by series. */
  async samples(rangeSelector: string): Promise<Map<string, readonly Sample[]>> {
    return samplesOf(await this.#query('query', { query: rangeSelector }, 'matrix'));
  }

  /** The samples of a range query, by series. */
  async range(query: string, { startMs, endMs, stepSeconds }: Range): Promise<Map<string, readonly Sample[]>> {
    const times = { start: String(startMs / 1_000), end: String(endMs / 1_000), step: String(stepSeconds) };
    return samplesOf(await this.#query('query_range', { query, ...times }, 'matrix'));
  }

  async #query(
    path: 'query' | 'query_range',
    form: { readonly query: string } & Readonly<Record<string, string>>,
    resultType: string,
  ): Promise<readonly ResultSeries[]> {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = new URLSearchParams(form).toString();
    const { status, text } = await this.#client.post(new URL(path, this.#queryUrl), headers, body);
    assert.equal(status, 200, `${form.query}: ${text}`);
    const answer = JSON.parse(text) as Answer;
    assert.equal(answer.status, 'success', `${form.query}: ${answer.error}`);
    assert.equal(answer.data?.resultType, resultType, form.query);
    return answer.data?.result ?? [];
  }
}

function samplesOf(result: readonly ResultSeries[]): Map<string, readonly Sample[]> {
  const sampleOf = ([seconds, value]: ResultValue): Sample => ({
    timestamp: Math.round(seconds * 1_000),
    value: parseValue(value),
  });
  return new Map(result.map(({ metric, values }) => [seriesName(metric), (values ?? []).map(sampleOf)]));
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
}
