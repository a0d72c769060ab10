/**
 * CloudWatch of the local stack, which is moto, in the protocol AWS JSON.
 *
 * API: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html
 */

import assert from 'node:assert/strict';

import type { Endpoints } from './endpoints.js';
import { SignedClient } from './signed-client.js';

/** A metric with its dimensions. */
export interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** A name for a metric that does not depend on the order of its dimensions. */
export function metricName({ namespace, name, dimensions }: Metric): string {
  return JSON.stringify([namespace, name, ...Object.entries(dimensions).sort()]);
}

/** A line in CloudWatch's embedded metric format, which the function logs. */
interface EmbeddedLine {
  readonly _aws: {
    readonly Timestamp: number;
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
  readonly [member: string]: unknown;
}

/** The metrics that CloudWatch extracts from a log, with their values. */
export function embeddedValues(log: string): [Metric, readonly number[]][] {
  const lines = log.split('\n').filter((line) => line.startsWith('{') && line.includes('"_aws":'));
  return lines.flatMap((text) => {
    const line = JSON.parse(text) as EmbeddedLine;
    return line._aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
      Dimensions.flatMap((names) =>
        Metrics.map(({ Name }): [Metric, readonly number[]] => [
          {
            namespace: Namespace,
            name: Name,
            dimensions: Object.fromEntries(names.map((name) => [name, String(line[name])])),
          },
          [line[Name]].flat().map(Number),
        ]),
      ),
    );
  });
}

export class CloudWatch {
  readonly #url: URL;
  readonly #client: SignedClient;

  constructor(endpoints: Endpoints) {
    this.#url = new URL('/', endpoints.sqs.endpoint);
    this.#client = new SignedClient(endpoints, 'monitoring');
  }

  /** Stores a value of each metric. */
  async put(metrics: readonly Metric[], value: number, atMs: number): Promise<void> {
    for (const { namespace, name, dimensions } of metrics) {
      await this.#call('PutMetricData', {
        Namespace: namespace,
        MetricData: [
          { MetricName: name, Dimensions: pairs(dimensions), Timestamp: Math.floor(atMs / 1_000), Value: value },
        ],
      });
    }
  }

  /** The values of a metric within two minutes before and after a time. */
  async values({ namespace, name, dimensions }: Metric, statistic: string, atMs: number): Promise<readonly number[]> {
    const at = Math.floor(atMs / 1_000);
    const Metric = { Namespace: namespace, MetricName: name, Dimensions: pairs(dimensions) };
    const answer = (await this.#call('GetMetricData', {
      StartTime: at - 120,
      EndTime: at + 120,
      MetricDataQueries: [{ Id: 'query', MetricStat: { Metric, Period: 60, Stat: statistic } }],
    })) as { MetricDataResults: { Values: number[] }[] };
    return answer.MetricDataResults.flatMap(({ Values }) => Values);
  }

  async #call(operation: string, input: object): Promise<unknown> {
    const headers = {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `GraniteServiceVersion20100801.${operation}`,
    };
    const { status, text } = await this.#client.post(this.#url, headers, JSON.stringify(input));
    assert.equal(status, 200, `${operation}: ${text}`);
    return text === '' ? {} : (JSON.parse(text) as unknown);
  }
}

function pairs(dimensions: Readonly<Record<string, string>>): { Name: string; Value: string }[] {
  return Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
}
