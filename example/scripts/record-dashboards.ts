/**
 * Records what the panels of the dashboards show while the local stack is under load, as JSON on standard output:
 * `npm run --silent record -- MINUTES > recording.json`.
 *
 * The values of `functions` and `gateway` are measured. Those of `workspace` are samples, because the local stack has no
 * usage metrics of AMP.
 */

import { interpolate, type Panel, readDashboard, readRules } from '../test/support/dashboards.js';
import { workspaceMetrics } from '../test/support/documented-metrics.js';
import { programs } from '../test/support/environment.js';
import { Stack } from '../test/support/stack.js';
import { load, NAMES, readLog } from './load.js';
import { Metrics } from './metrics.js';
import type { Recording, Series } from './recording.js';

/** The step of range queries, and the minimum interval of the panels. */
const STEP_SECONDS = 75;

/** The extension waits as on Lambda before it sends. */
const OPTIONS = ['--env', 'DISPATCH_MIN_BATCH_SIZE=1000', '--env', 'DISPATCH_MAX_AGE_SECONDS=60'];

/** Typical values of a busy workspace. */
const SAMPLE_VALUES: Readonly<Record<string, number>> = {
  ActiveAlerts: 18,
  ActiveSeries: 31_000_000,
  AllRules: 420,
  GetLabelsTPS: 12,
  GetSeriesTPS: 4,
  IngestionRate: 900_000,
  QueryMetricsTPS: 90,
  RemoteWriteTPS: 1_100,
  AlertManagerAlertsReceived: 60,
  AlertManagerNotificationsFailed: 0,
  AlertManagerNotificationsThrottled: 0,
  QuerySamplesProcessed: 4_000_000,
  OutOfOrderSampleAge: 20,
  DiscardedSamples: 130,
  RuleEvaluationFailures: 0,
  RuleGroupIterationsMissed: 0,
};

const minutes = Number(process.argv[2]);
if (!(minutes > 0)) throw new Error(`expected the number of minutes, got ${process.argv[2]}`);
process.stdout.write(`${JSON.stringify(await record(minutes))}\n`);

async function record(minutes: number): Promise<Recording> {
  const measured = new Metrics();
  const options = ['--telemetry-extension', programs().extensionBinary, ...OPTIONS];
  await using stack = await Stack.start(options, readLog(measured));
  const startMs = Date.now();
  const endMs = startMs + minutes * 60_000;
  await load(stack, measured, endMs);
  return {
    startMs,
    endMs,
    panels: {
      functions: await functionPanels(stack, startMs, endMs),
      gateway: panels(await dashboard('gateway'), (panel) => measured.query(panel.targets ?? [], NAMES)),
      workspace: await workspacePanels(startMs, endMs),
    },
  };
}

async function dashboard(name: 'functions' | 'gateway' | 'workspace'): Promise<readonly Panel[]> {
  return (await readDashboard(name)).panels.filter(({ targets }) => targets !== undefined);
}

function panels(of: readonly Panel[], series: (panel: Panel) => Series[]): Record<number, Series[]> {
  return Object.fromEntries(of.map((panel) => [panel.id, series(panel)]));
}

async function functionPanels({ workspace }: Stack, startMs: number, endMs: number): Promise<Record<number, Series[]>> {
  const rules = await readRules();
  const values = { __range: `${Math.ceil((endMs - startMs) / 1_000)}s`, __rate_interval: '5m', function: '.+' };
  const all: Record<number, Series[]> = {};
  for (const { id, targets = [] } of await dashboard('functions')) {
    all[id] = [];
    for (const { expr = '', instant, legendFormat = '' } of targets) {
      let query = interpolate(expr, values);
      // Nothing evaluates the recording rules here.
      for (const { record, expr } of rules)
        if (record) query = query.replaceAll(`${record}{function=~".+"}`, `(${expr})`);
      const series = instant
        ? [...(await workspace.values(query))].map(([name, value]) => [name, [{ timestamp: endMs, value }]] as const)
        : await workspace.range(query, { startMs, endMs, stepSeconds: STEP_SECONDS });
      for (const [name, samples] of series) {
        all[id].push({
          label: legend(legendFormat, name),
          points: samples.map(({ timestamp, value }) => [timestamp, value]),
        });
      }
    }
  }
  return all;
}

/** The legend of a series with the name of `seriesName`. */
function legend(format: string, series: string): string {
  const labels = Object.fromEntries(JSON.parse(series) as [string, string][]);
  return format.replace(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '');
}

async function workspacePanels(startMs: number, endMs: number): Promise<Record<number, Series[]>> {
  const workspace = 'ws-1';
  const samples = new Metrics();
  workspaceMetrics(workspace).forEach((metric, number) => {
    const name = metric.dimensions['Resource'] ?? metric.name;
    const scale = { p50: 0.1, p99: 0.7 }[metric.dimensions['Percentile'] ?? ''] ?? 1;
    for (let at = startMs; at < endMs; at += 60_000) {
      const wave = 1 + 0.1 * Math.sin(at / 400_000 + number);
      samples.add(metric, (SAMPLE_VALUES[name] ?? 0) * scale * wave, at);
    }
  });
  const { templating } = await readDashboard('workspace');
  const quotas = templating.list
    .filter(({ type }) => type === 'textbox')
    .map(({ name, query }) => [name, String(query)]);
  const values = { ...Object.fromEntries(quotas), workspace } as Record<string, string>;
  return panels(await dashboard('workspace'), ({ targets = [] }) => samples.query(targets, values));
}
