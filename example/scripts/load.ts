/** Puts varied load on the local stack for a while, and measures what CloudWatch has metrics of. */

import { setTimeout as delay } from 'node:timers/promises';

import { InvokeCommand } from '@aws-sdk/client-lambda';

import { encodeEvents, type PushEvent, sendEvents, sendMessages } from '../src/index.js';
import { embeddedValues } from '../test/support/cloudwatch.js';
import type { Stack } from '../test/support/stack.js';
import type { Metrics } from './metrics.js';

const FIGURES_INTERVAL_MS = 5_000;

/** The names of the queues of the local stack, and of the function. */
export const NAMES = { function: 'push-gateway', queue: 'telemetry', dead_letter_queue: 'telemetry-dead-letters' };

/** The metric for each count of the log line of an invocation. */
const COUNTS: Readonly<Record<string, string>> = {
  events: 'Events',
  samples: 'Samples',
  requests: 'WriteRequests',
  retried: 'WriteRetries',
  invalid: 'InvalidEvents',
  rejected: 'RejectedEvents',
  failed: 'FailedEvents',
  deduplicated: 'DeduplicatedEvents',
  spilled: 'SpilledEvents',
};

const FUNCTION = { FunctionName: NAMES.function };

/** Reads the output of the stack: the duration of each invocation, and the counts that the gateway logs. */
export function readLog(metrics: Metrics): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, ms] = /push-gateway: .* bytes in, ([\d.]+) ms/.exec(line) ?? [];
      if (ms !== undefined)
        metrics.add({ namespace: 'AWS/Lambda', name: 'Duration', dimensions: FUNCTION }, Number(ms));
      if (!line.includes('Invocation done.')) continue;
      for (const [, key = '', value] of line.matchAll(/(\w+)=(\d+)/g)) {
        const name = COUNTS[key];
        if (name !== undefined) {
          metrics.add({ namespace: 'PrometheusPushGateway', name, dimensions: FUNCTION }, Number(value));
        }
      }
    }
  };
}

/** Sends through the queue, by direct invocations and over HTTP until `endMs`, while the workspace fails now and then. */
export async function load(stack: Stack, metrics: Metrics, endMs: number): Promise<void> {
  const startMs = Date.now();
  const counting = count(stack, metrics, endMs);
  for (let second = 0; Date.now() < endMs; second++) {
    const minute = (Date.now() - startMs) / 60_000;
    const rate = Math.round(8 + 6 * Math.sin(minute / 3) + (second % 7));
    await stack.control.setFaults(...faultsAt(minute));
    const environments = second % 240 < 20 ? 6 : 1;
    await Promise.all([
      sendEvents(stack.sqs, stack.endpoints.sqs.queueUrl, events(rate, 'queue')),
      ...(second % 50 === 0
        ? [sendMessages(stack.sqs, stack.endpoints.sqs.queueUrl, [{ body: '{"metrics":{}}' }])]
        : []),
      ...Array.from({ length: environments }, (_, number) =>
        invoke(stack, metrics, second % 29 === 0 ? [] : events(3, `direct-${number}`)),
      ),
      push(stack, metrics, second),
    ]);
    await delay(Math.max(0, startMs + 1_000 * (second + 1) - Date.now()));
  }
  await counting;
}

/** The faults of the workspace in a minute. */
function faultsAt(minute: number): string[] {
  if (minute % 10 > 4 && minute % 10 < 4.5) return ['503:1'];
  if (minute % 7 > 3 && minute % 7 < 4) return ['slow=400ms'];
  return [];
}

function events(count: number, device: string): PushEvent[] {
  const timestamp = Date.now();
  return Array.from({ length: count }, (_, number) => ({
    dimensions: { device: `${device}-${number}` },
    timestamp,
    metrics: { temperature_celsius: (20 + 5 * Math.sin(timestamp / 60_000 + number)).toFixed(2), ph: '6.7' },
  }));
}

/** Invokes the function, with an invalid event if there are no others. */
async function invoke({ lambda, endpoints }: Stack, metrics: Metrics, events: readonly PushEvent[]): Promise<void> {
  const Payload = events.length > 0 ? encodeEvents(events) : '{"dimensions":{}}';
  const { LogResult } = await lambda.send(
    new InvokeCommand({ FunctionName: endpoints.lambda.functionName, LogType: 'Tail', Payload }),
  );
  const log = Buffer.from(LogResult ?? '', 'base64').toString('utf8');
  // The other metrics are in the log of the stack, which has every invocation.
  for (const [metric, values] of embeddedValues(log)) {
    if (metric.name === 'WriteLatency') for (const value of values) metrics.add(metric, value);
  }
}

/** Pushes to the function URL, now and then with a wrong password. */
async function push({ endpoints }: Stack, metrics: Metrics, second: number): Promise<void> {
  const { functionUrl, username, password } = endpoints.http;
  const credentials = `${username}:${second % 31 === 0 ? 'wrong' : password}`;
  const startMs = performance.now();
  const { status } = await fetch(`${functionUrl}/metrics/job/backup/instance/${second % 5}`, {
    method: 'PUT',
    headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
    body: `backup_duration_seconds ${40 + (second % 10)}\n`,
  });
  const add = (name: string, value: number): void => {
    metrics.add({ namespace: 'AWS/Lambda', name, dimensions: FUNCTION }, value);
  };
  add('UrlRequestCount', 1);
  add('UrlRequestLatency', performance.now() - startMs);
  add('Url4xxCount', status >= 400 && status < 500 ? 1 : 0);
  add('Url5xxCount', status >= 500 ? 1 : 0);
}

/** Reads the counts of the stack until `endMs`. */
async function count(stack: Stack, metrics: Metrics, endMs: number): Promise<void> {
  let last = await stack.control.figures();
  while (Date.now() < endMs) {
    await delay(FIGURES_INTERVAL_MS);
    const figures = await stack.control.figures();
    const { processes } = await stack.control.functionState();
    const ofFunction = { Invocations: 'invocations', Errors: 'errors', Throttles: 'throttles' } as const;
    for (const [name, key] of Object.entries(ofFunction)) {
      const value = figures.function[key] - last.function[key];
      metrics.add({ namespace: 'AWS/Lambda', name, dimensions: FUNCTION }, value);
    }
    const busy = processes.filter((process) => process.busy).length;
    metrics.add({ namespace: 'AWS/Lambda', name: 'ConcurrentExecutions', dimensions: FUNCTION }, busy);
    for (const [queue, name, value] of [
      [NAMES.queue, 'ApproximateNumberOfMessagesVisible', figures.queue.visible],
      [NAMES.queue, 'ApproximateNumberOfMessagesNotVisible', figures.queue.inFlight],
      [NAMES.dead_letter_queue, 'ApproximateNumberOfMessagesVisible', figures.deadLetters],
    ] as const) {
      metrics.add({ namespace: 'AWS/SQS', name, dimensions: { QueueName: queue } }, value);
    }
    last = figures;
  }
}
