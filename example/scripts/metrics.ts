/** Values of CloudWatch metrics, and the CloudWatch queries of panels on them. */

import assert from 'node:assert/strict';

import type { Metric } from '../test/support/cloudwatch.js';
import { interpolate, type Target } from '../test/support/dashboards.js';
import type { Point, Series } from './recording.js';

/** The period of the queries. */
const PERIOD_MS = 60_000;

interface Measurement extends Metric {
  readonly atMs: number;
  readonly value: number;
}

export class Metrics {
  readonly #measurements: Measurement[] = [];

  add(metric: Metric, value: number, atMs = Date.now()): void {
    this.#measurements.push({ ...metric, value, atMs });
  }

  /** The series of the queries of a panel. */
  query(targets: readonly Target[], variables: Readonly<Record<string, string>>): Series[] {
    return targets.filter(({ hide }) => hide !== true).flatMap((target) => this.#series(target, targets, variables));
  }

  #series(target: Target, targets: readonly Target[], variables: Readonly<Record<string, string>>): Series[] {
    const { label = '', expression, sqlExpression, namespace, metricName, dimensions, statistic } = target;
    if (sqlExpression !== undefined) return this.#groups(interpolate(sqlExpression, variables));
    if (expression) {
      const [, id, divisor] = /^(\w+) \/ (\d+)$/.exec(interpolate(expression, variables)) ?? assert.fail(expression);
      const operand = targets.find((each) => each.id === id) ?? assert.fail(expression);
      const series = this.#series(operand, targets, variables);
      return series.map(({ points }) => ({
        label,
        points: points.map(([at, value]) => [at, value / Number(divisor)]),
      }));
    }
    const wanted = Object.entries(dimensions ?? {}).map(([key, [value = '']]) => [key, interpolate(value, variables)]);
    const found = this.#measurements.filter(
      (each) =>
        each.namespace === namespace &&
        each.name === metricName &&
        wanted.every(([key, value]) => each.dimensions[key as string] === value),
    );
    return found.length === 0 ? [] : [{ label, points: pointsOf(found, statistic ?? 'Sum') }];
  }

  /** The series of a Metrics Insights query, one for each value of the dimension in `GROUP BY`. */
  #groups(sql: string): Series[] {
    const [, name, namespace, key, value, group] =
      /^SELECT SUM\((\w+)\) FROM "([\w/]+)" WHERE (\w+) = '([\w-]+)' GROUP BY (\w+)$/.exec(sql) ?? assert.fail(sql);
    const found = this.#measurements.filter(
      (each) => each.namespace === namespace && each.name === name && each.dimensions[key as string] === value,
    );
    return [...groupBy(found, (each) => each.dimensions[group as string] ?? '')].map(([label, values]) => ({
      label,
      points: pointsOf(values, 'Sum'),
    }));
  }
}

function groupBy<Key>(all: readonly Measurement[], keyOf: (each: Measurement) => Key): Map<Key, Measurement[]> {
  const groups = new Map<Key, Measurement[]>();
  for (const each of all) groups.set(keyOf(each), [...(groups.get(keyOf(each)) ?? []), each]);
  return groups;
}

function pointsOf(measurements: readonly Measurement[], statistic: string): Point[] {
  const periods = groupBy(measurements, ({ atMs }) => Math.floor(atMs / PERIOD_MS) * PERIOD_MS);
  return [...periods]
    .sort(([a], [b]) => a - b)
    .map(([at, each]) => [
      at,
      statisticOf(
        each.map(({ value }) => value),
        statistic,
      ),
    ]);
}

function statisticOf(values: number[], statistic: string): number {
  const sum = values.reduce((total, value) => total + value, 0);
  if (statistic === 'Sum') return sum;
  if (statistic === 'Average') return sum / values.length;
  if (statistic === 'Maximum') return Math.max(...values);
  const [, percentile] = /^p(\d+)$/.exec(statistic) ?? assert.fail(statistic);
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil((Number(percentile) / 100) * sorted.length) - 1] ?? assert.fail('no values');
}
