#!/usr/bin/env node
/** The command `load`: sends events of many devices at a rate and shows the progress. */

import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { checkPlan, type LoadPlan } from '../load/events.js';
import { generateLoad, type Progress } from '../load/generate.js';
import { progressBar, summary } from '../load/progress.js';
import { openChannel } from './channel.js';
import { type ExitStatus, run } from './run.js';
import { TARGET_HELP, TARGET_OPTIONS, targetOf } from './target.js';

const HELP = `Send generated events to the push gateway.

Usage: npm run load -- [OPTIONS]

  --rate COUNT          events per second, each with two metrics (default: 100)
  --duration TIME       duration, such as 500ms, 30s, 10m or 1h (default: 30s)
  --devices COUNT       number of devices, each with two series (default: 10)

${TARGET_HELP}
Ctrl-C stops it and prints the totals. The exit status is 0 if every event was sent, otherwise 1.
`;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

async function load(args: string[]): Promise<ExitStatus> {
  const { values } = parseArgs({
    args,
    options: {
      ...TARGET_OPTIONS,
      rate: { type: 'string', default: '100' },
      duration: { type: 'string', default: '30s' },
      devices: { type: 'string', default: '10' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const plan: LoadPlan = {
    rate: number('--rate', values.rate),
    durationMs: milliseconds('--duration', values.duration),
    devices: number('--devices', values.devices),
    startMs: Date.now(),
  };
  checkPlan(plan);
  const channel = openChannel(await targetOf(values));

  const stopping = new AbortController();
  // Once: a second Ctrl-C ends the process.
  process.once('SIGINT', () => stopping.abort());
  // Stopping also ends a wait, which is not an error.
  const wait = (ms: number): Promise<void> => delay(ms, undefined, { signal: stopping.signal }).catch(() => {});
  const clock = { now: () => performance.now(), wait };
  const progress = await generateLoad(plan, channel, clock, {
    onProgress: progressPrinter(process.stderr),
    signal: stopping.signal,
  });

  if (process.stderr.isTTY && progress.sent + progress.failed < progress.total) process.stderr.write('\n');
  process.stdout.write(`${summary(progress)}\n`);
  if (progress.reason !== undefined) process.stderr.write(`the first that failed: ${progress.reason}\n`);
  return progress.sent === progress.total ? 0 : 1;
}

/** Draws one bar on a terminal, and prints a line for each tenth elsewhere. */
function progressPrinter(stream: NodeJS.WriteStream): (progress: Progress) => void {
  let shown = 0;
  return (progress) => {
    const { sent, failed, total } = progress;
    const ended = sent + failed === total;
    if (stream.isTTY) {
      stream.write(`\r${progressBar(progress)}\x1b[K${ended ? '\n' : ''}`);
      return;
    }
    const tenth = Math.floor((10 * (sent + failed)) / total);
    if (tenth > shown) stream.write(`${progressBar(progress)}\n`);
    shown = tenth;
  };
}

function number(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new Error(`${option}: expected a number, got "${text}"`);
  return value;
}

function milliseconds(option: string, text: string): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  if (count === undefined || unit === undefined)
    throw new Error(`${option}: expected a time such as 30s, got "${text}"`);
  return Number(count) * (UNIT_MS[unit] as number);
}

await run(load);
