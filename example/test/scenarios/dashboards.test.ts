/** Every query of the dashboards and of the rules, on the metrics of the local stack. */

import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';

import { encodeEvents } from '../../src/index.js';
import { CloudWatch, embeddedValues, type Metric, metricName } from '../support/cloudwatch.js';
import { interpolate, readDashboard, readRules, type Target, targetsOf } from '../support/dashboards.js';
import { lambdaMetrics, queueMetrics, workspaceMetrics } from '../support/documented-metrics.js';
import { programs } from '../support/environment.js';
import { scenario } from '../support/scenario.js';
import type { Stack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

const INVOCATIONS = 16;
const FAILURES = 4;

/** The extension of the local stack sends every second, so gauges have several samples before the end of an environment. */
const PAUSE_MS = 300;

/** The values that Grafana has for an hour, and for a minimum step of 75 s. */
const GRAFANA = { __range: '1h', __rate_interval: '5m' };

/** The local stack has no SnapStart. */
const WITHOUT_DATA = /aws_lambda_restore_duration_seconds_bucket/;

async function invoke(lambda: LambdaClient, FunctionName: string, Payload: string | Uint8Array): Promise<string> {
  const { LogResult } = await lambda.send(new InvokeCommand({ FunctionName, LogType: 'Tail', Payload }));
  return Buffer.from(LogResult ?? '', 'base64').toString('utf8');
}

/** Invokes the gateway, a few times with an event that it rejects, and returns the last log. */
async function invokeAll({ lambda, endpoints }: Stack): Promise<string> {
  let log = '';
  for (let number = 0; number < INVOCATIONS; number++) {
    const event = { dimensions: { device: 'a' }, timestamp: Date.now(), metrics: { number } };
    const payload = number < FAILURES ? JSON.stringify({ dimensions: {} }) : encodeEvents(event);
    log = await invoke(lambda, endpoints.lambda.functionName, payload);
    await delay(PAUSE_MS);
  }
  return log;
}

const extension = ['--telemetry-extension', programs().extensionBinary];

scenario('every query of the dashboards and rules has data', extension, async (stack, context) => {
  const { workspace, endpoints } = stack;
  const { functionName } = endpoints.lambda;
  const startMs = Date.now();
  const log = await invokeAll(stack);
  // The extension sends the last invocation when the environment ends.
  const count = async (): Promise<number> => {
    const counts = await workspace.values('sum(last_over_time(aws_lambda_invocations_total[1h]))');
    return counts.values().next().value ?? 0;
  };
  await waitFor('the metrics of every invocation', count, (invocations) => invocations === INVOCATIONS);
  const endMs = Date.now();
  // The last step is the present, so that the last samples count.
  const range = { startMs: endMs - 1_000 * Math.ceil((endMs - startMs) / 1_000), endMs, stepSeconds: 1 };

  const rules = await readRules();
  const recorded = rules.filter(({ record }) => record !== undefined);

  await context.test('the dashboard of the functions', async () => {
    const targets = targetsOf(await readDashboard('functions'));
    assert.ok(targets.length > 30);
    for (const { title, expr = '', instant } of targets) {
      let query = interpolate(expr, { ...GRAFANA, function: '.+' });
      // Nothing evaluates the recording rules here.
      for (const { record, expr } of recorded) query = query.replaceAll(`${record}{function=~".+"}`, `(${expr})`);
      const series = instant ? await workspace.values(query) : await workspace.range(query, range);
      assert.equal(series.size > 0, !WITHOUT_DATA.test(query), `${title}: ${query}`);
    }
  });

  await context.test('the recording rules', async () => {
    for (const { record, expr } of recorded) {
      assert.ok((await workspace.range(expr, range)).size > 0, record);
    }
  });

  await context.test('only the alert for failures fires', async () => {
    const firing: (string | undefined)[] = [];
    for (const { alert, expr } of rules.filter((rule) => rule.alert !== undefined)) {
      if ((await workspace.values(expr)).size > 0) firing.push(alert);
    }
    assert.deepEqual(firing, ['LambdaFunctionFails']);
  });

  await context.test('the dashboards of the gateway and the workspace', async () => {
    const names = { function: functionName, queue: 'events', dead_letter_queue: 'dead-letters', workspace: 'ws-1' };
    const metrics = [
      ...embeddedValues(log).map(([metric]) => metric),
      ...lambdaMetrics(names.function),
      ...queueMetrics(names.queue),
      ...queueMetrics(names.dead_letter_queue),
      ...workspaceMetrics(names.workspace),
    ];
    const cloudWatch = new CloudWatch(endpoints);
    const atMs = Date.now();
    await cloudWatch.put(metrics, 7, atMs);
    const published = new Set(metrics.map(metricName));
    for (const dashboard of [await readDashboard('gateway'), await readDashboard('workspace')]) {
      for (const target of targetsOf(dashboard)) {
        const metric = metricOf(target, metrics, names);
        if (metric === undefined) continue;
        // moto ignores the namespace of a query with dimensions.
        assert.ok(published.has(metricName(metric)), `${target.title}: ${metricName(metric)}`);
        // moto has no percentiles.
        const statistic = target.statistic?.startsWith('p') ? 'Maximum' : (target.statistic ?? 'Sum');
        assert.deepEqual(await cloudWatch.values(metric, statistic, atMs), [7], `${target.title}: ${target.refId}`);
      }
    }
  });
});

/** The metric of a CloudWatch query; `undefined` for metric math, which queries none. */
function metricOf(
  { title, namespace, metricName: name, dimensions, expression, sqlExpression }: Target & { readonly title: string },
  metrics: readonly Metric[],
  variables: Readonly<Record<string, string>>,
): Metric | undefined {
  if (sqlExpression !== undefined) {
    const parts = /^SELECT SUM\((\w+)\) FROM "([\w/]+)" WHERE (\w+) = '\$(\w+)' GROUP BY (\w+)$/.exec(sqlExpression);
    assert.ok(parts, `${title}: ${sqlExpression}`);
    const [, metric, from, label, variable, group] = parts;
    // A group has a value for each metric.
    return (
      metrics.find(
        (each) =>
          each.namespace === from &&
          each.name === metric &&
          each.dimensions[label as string] === variables[variable as string] &&
          each.dimensions[group as string] !== undefined &&
          Object.keys(each.dimensions).length === 2,
      ) ?? assert.fail(`${title}: no metric for ${sqlExpression}`)
    );
  }
  if (expression) return undefined;
  assert.ok(namespace !== undefined && name !== undefined && dimensions !== undefined, title);
  return {
    namespace,
    name,
    dimensions: Object.fromEntries(
      Object.entries(dimensions).map(([key, [value = '']]) => [key, interpolate(value, variables)]),
    ),
  };
}
