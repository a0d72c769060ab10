#!/usr/bin/env node
/** The command `send`: sends events from the command line, a file or a pipe. */

import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

import type { PushEvent } from '../index.js';
import { openChannel } from './channel.js';
import { type ExitStatus, run } from './run.js';
import { TARGET_HELP, TARGET_OPTIONS, targetOf } from './target.js';

const HELP = `Send events to the push gateway.

Usage: npm run send -- [OPTIONS] [NAME=VALUE]...

  NAME=VALUE            a metric of one event
  --dimension NAME=VALUE, -d
                        a dimension of the event; repeatable
  --file FILE           an event or an array of events as JSON instead; - reads standard input.
                        An event without a timestamp gets the current time.

${TARGET_HELP}`;

async function send(args: string[]): Promise<ExitStatus> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...TARGET_OPTIONS,
      dimension: { type: 'string', short: 'd', multiple: true, default: [] },
      file: { type: 'string' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const now = Date.now();
  const events =
    values.file === undefined
      ? [{ dimensions: pairs(values.dimension), timestamp: now, metrics: pairs(positionals) }]
      : await eventsOf(values.file, now);
  if (values.file === undefined && positionals.length === 0)
    throw new Error('nothing to send: set metrics as NAME=VALUE, or --file');
  if (values.file !== undefined && positionals.length + values.dimension.length > 0) {
    throw new Error('--file cannot be combined with metrics or --dimension');
  }

  const { sent, failed, reason } = await openChannel(await targetOf(values)).send(events);
  process.stdout.write(`sent ${sent}, failed ${failed}\n`);
  if (reason !== undefined) process.stderr.write(`${reason}\n`);
  return failed === 0 ? 0 : 1;
}

/** Keeps values as strings, so that `6.70` keeps its decimals. */
function pairs(texts: readonly string[]): Record<string, string> {
  const values = new Map<string, string>();
  for (const pair of texts) {
    const at = pair.indexOf('=');
    if (at < 1) throw new Error(`expected NAME=VALUE, got "${pair}"`);
    const name = pair.slice(0, at);
    if (values.has(name)) throw new Error(`duplicate name ${name}`);
    values.set(name, pair.slice(at + 1));
  }
  return Object.fromEntries(values);
}

/** Reads JSON; the gateway validates the events. */
async function eventsOf(file: string, now: number): Promise<PushEvent[]> {
  const json = await (file === '-' ? text(process.stdin) : readFile(file, 'utf8'));
  const parsed = JSON.parse(json) as PushEvent | PushEvent[];
  return (Array.isArray(parsed) ? parsed : [parsed]).map((event) => ({ ...event, timestamp: event.timestamp ?? now }));
}

await run(send);
