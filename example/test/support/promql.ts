/**
 * Queries the workspace with PromQL over HTTP, signed for the service `aps`.
 *
 * API: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
 */

import assert from 'node:assert/strict';

import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

import type { Endpoints } from './endpoints.js';
import { type Sample, seriesName } from './series.js';

/** AMP ends a query after a minute (https://docs.aws.amazon.com/prometheus/latest/userguide/AMP_quotas.html). */
const QUERY_TIMEOUT_MS = 60_000;

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

export class Workspace {
  readonly #queryUrl: string;
  readonly #signer: SignatureV4;

  constructor(endpoints: Endpoints) {
    this.#queryUrl = endpoints.amp.queryUrl;
    this.#signer = new SignatureV4({
      credentials: endpoints.credentials,
      region: endpoints.region,
      service: 'aps',
      sha256: Sha256,
    });
  }

  /** The values of an instant query, by series. */
  async values(query: string): Promise<Map<string, number>> {
    const result = await this.#query(query, 'vector');
    return new Map(result.map(({ metric, value }) => [seriesName(metric), parseValue((value as ResultValue)[1])]));
  }

  /** The samples of a range selector such as `temperature[1h]`, by series. */
  async samples(rangeSelector: string): Promise<Map<string, readonly Sample[]>> {
    const result = await this.#query(rangeSelector, 'matrix');
    const sampleOf = ([seconds, value]: ResultValue): Sample => ({
      timestamp: Math.round(seconds * 1_000),
      value: parseValue(value),
    });
    return new Map(result.map(({ metric, values }) => [seriesName(metric), (values ?? []).map(sampleOf)]));
  }

  async #query(query: string, resultType: string): Promise<readonly ResultSeries[]> {
    const url = new URL(this.#queryUrl);
    const body = new URLSearchParams({ query }).toString();
    const signed = await this.#signer.sign({
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      port: Number(url.port),
      path: url.pathname,
      headers: { host: url.host, 'content-type': 'application/x-www-form-urlencoded' },
      body,
    });
    // fetch sets the host from the same URL.
    const { host: _, ...headers } = signed.headers;
    const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(QUERY_TIMEOUT_MS) });
    const text = await response.text();
    assert.equal(response.status, 200, `${query}: ${text}`);
    const answer = JSON.parse(text) as Answer;
    assert.equal(answer.status, 'success', `${query}: ${answer.error}`);
    assert.equal(answer.data?.resultType, resultType, query);
    return answer.data?.result ?? [];
  }
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
}
