/**
 * Every command through every channel on the local stack, checked with PromQL.
 *
 * The local stack has no IoT Core, so an endpoint of the test replaces it and its rule.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

import { sendMessages } from '../../src/index.js';
import { messageCount } from '../support/queues.js';
import { seriesName } from '../support/series.js';
import { Stack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';
import { IotEndpoint } from './iot-endpoint.js';

const COMMANDS = resolve(import.meta.dirname, '..', '..', 'src', 'commands');
const EVENTS = resolve(import.meta.dirname, '..', '..', '..', 'events', 'readings.json');

/** Far more than a command takes, for busy machines. */
const TIMEOUT_MS = 900_000;

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command and interrupts it once it has printed `interruptAt`. */
async function run(command: string, args: readonly string[], { input = '', interruptAt = '' } = {}): Promise<Result> {
  const child = spawn(process.execPath, [join(COMMANDS, `${command}.js`), ...args], { timeout: TIMEOUT_MS });
  child.stdin.end(input);
  const exited = once(child, 'exit');
  if (interruptAt !== '') {
    let interrupted = false;
    child.stderr.on('data', (chunk: Buffer) => {
      if (!interrupted && chunk.includes(interruptAt)) interrupted = child.kill('SIGINT');
    });
  }
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await exited;
  return { status: child.exitCode, stdout, stderr };
}

void test('send and load work through every channel', { timeout: TIMEOUT_MS }, async (context) => {
  await using stack = await Stack.start();
  const { sqs, workspace, endpoints } = stack;
  const { queueUrl, deadLetterQueueUrl } = endpoints.sqs;
  await using iot = await IotEndpoint.start((payload) => sendMessages(sqs, queueUrl, [{ body: payload }]));
  const folder = await mkdtemp(join(tmpdir(), 'push-gateway-commands-'));
  context.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'endpoints.json');
  await writeFile(file, JSON.stringify(endpoints));

  const iotOptions = ['--via', 'iot', '--endpoint-url', iot.url, '--iot-topic', 'devices/<device>/events'];
  const channels = {
    queue: ['--endpoints', file],
    function: ['--endpoints', file, '--via', 'function'],
    iot: ['--endpoints', file, ...iotOptions],
  };
  const settle = (): Promise<number> =>
    waitFor(
      'the queue to be empty',
      () => messageCount(sqs, queueUrl),
      (count) => count === 0,
    );
  // Only of the devices of the load generator.
  const stored = async (metric: string): Promise<number> => {
    const counts = await workspace.values(`sum(count_over_time(${metric}{device=~"device-.+"}[1h]))`);
    return counts.get(seriesName({})) ?? 0;
  };

  for (const [channel, options] of Object.entries(channels)) {
    await context.test(`send takes metrics from arguments: ${channel}`, async () => {
      const { status, stdout, stderr } = await run('send', [
        ...options,
        '-d',
        `device=${channel}`,
        '-d',
        'site=north',
        'ph=6.70',
        'level=-1e3',
      ]);
      assert.deepEqual([status, stdout], [0, 'sent 1, failed 0\n'], stderr);
      await settle();
      const values = await workspace.values(`{device="${channel}"}`);
      const labels = { device: channel, site: 'north' };
      const expected = [
        [seriesName({ ...labels, __name__: 'ph' }), 6.7],
        [seriesName({ ...labels, __name__: 'level' }), -1_000],
      ] as const;
      assert.deepEqual(values, new Map(expected));
    });
  }

  await context.test('send reads a file and adds missing timestamps', async () => {
    const { status, stdout, stderr } = await run('send', [...channels.function, '--file', EVENTS]);
    assert.deepEqual([status, stdout], [0, 'sent 2, failed 0\n'], stderr);
    assert.equal((await workspace.values('{device=~"pond-.",__name__="ph"}')).size, 2);
  });

  await context.test('send reads a pipe and keeps timestamps', async () => {
    const timestamp = Date.now() - 30_000;
    const input = JSON.stringify({ dimensions: {}, timestamp, metrics: { piped: 1 } });
    const { status, stderr } = await run('send', [...channels.function, '--file', '-'], { input });
    assert.equal(status, 0, stderr);
    const samples = await workspace.samples('piped[1h]');
    assert.deepEqual(samples.get(seriesName({ __name__: 'piped' })), [{ timestamp, value: 1 }]);
  });

  await context.test('send exits with 1 and the reason if an event fails', async () => {
    const { status, stdout, stderr } = await run('send', [...channels.function, 'temperature=warm']);
    assert.deepEqual([status, stdout], [1, 'sent 0, failed 1\n']);
    assert.match(stderr, /the event is invalid.*warm/);
  });

  await context.test('send exits with 2 for invalid arguments', async () => {
    const cases: [string[], RegExp][] = [
      [[], /nothing to send/],
      [['ph'], /expected NAME=VALUE, got "ph"/],
      [['ph=1', 'ph=2'], /duplicate name ph/],
      [['--file', EVENTS, 'ph=1'], /--file cannot be combined/],
      [['--speed', '1'], /--speed/],
    ];
    for (const [args, message] of cases) {
      const { status, stdout, stderr } = await run('send', [...channels.queue, ...args]);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, message);
    }
  });

  let sent = 0;
  for (const [channel, options] of Object.entries(channels)) {
    await context.test(`every event of a load arrives: ${channel}`, async () => {
      const { status, stdout, stderr } = await run('load', [
        ...options,
        '--rate',
        '100',
        '--duration',
        '500ms',
        '--devices',
        '5',
      ]);
      assert.equal(status, 0, stderr);
      assert.match(stdout, /^sent 50, failed 0, in \d+\.\d s \(\d+ events\/s\)\n$/);
      assert.match(stderr, /\[#{30}\] 100 % {2}sent 50 {2}failed 0 {2}/);
      sent += 50;
      await settle();
      assert.equal(await stored('temperature_celsius'), sent);
      assert.equal(await stored('humidity_percent'), sent);
    });
  }

  await context.test('Ctrl-C stops a load and prints the totals', async () => {
    const options = [...channels.function, '--rate', '20', '--duration', '5s', '--devices', '5'];
    const { status, stdout, stderr } = await run('load', options, { interruptAt: 'sent 1' });
    const [, count, rest] = /^sent (\d+), failed 0, stopped before (\d+) more, /.exec(stdout) ?? [];
    assert.equal(Number(count) + Number(rest), 100, stdout + stderr);
    assert.equal(status, 1);
    assert.equal(await stored('temperature_celsius'), sent + Number(count));
  });

  await context.test('a failed load prints the reason', async () => {
    const { status, stdout, stderr } = await run('load', [
      ...channels.queue,
      '--queue-url',
      `${queueUrl}-other`,
      '--rate',
      '100',
      '--duration',
      '100ms',
    ]);
    assert.equal(status, 1);
    assert.match(stdout, /^sent 0, failed 10, /);
    assert.match(stderr, /the first that failed: .*queue/);
  });

  await context.test('load rejects invalid options', async () => {
    const cases: [string[], RegExp][] = [
      [['--rate', 'fast'], /--rate: expected a number, got "fast"/],
      [['--duration', '30'], /--duration: expected a time such as 30s, got "30"/],
      [['--rate', '5000', '--devices', '1'], /rate: expected at most 1000 events per second/],
    ];
    for (const [args, message] of cases) {
      const { status, stderr } = await run('load', [...channels.queue, ...args]);
      assert.equal(status, 2);
      assert.match(stderr, message);
    }
  });

  await context.test('each command has help', async () => {
    for (const command of ['send', 'load']) {
      const { status, stdout } = await run(command, ['--help']);
      assert.equal(status, 0);
      for (const option of ['--via', '--endpoints', '--endpoint-url', '--outputs'])
        assert.ok(stdout.includes(option), option);
    }
  });

  assert.equal(await messageCount(sqs, deadLetterQueueUrl), 0);
});
