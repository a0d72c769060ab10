/**
 * Direct invocations with the AWS SDK's Lambda client, in every mode of the Invoke API.
 * https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */

import assert from 'node:assert/strict';

import { InvokeCommand, LambdaServiceException } from '@aws-sdk/client-lambda';

import { encodeEvents, PushError, type PushEvent, pushEvents, pushEventsLater } from '../../src/index.js';
import type { FunctionState } from '../support/control.js';
import { readings } from '../support/events.js';
import { assertStored, scenario } from '../support/scenario.js';
import { samplesOf } from '../support/series.js';
import { waitFor } from '../support/wait.js';

/** 6 MB: "For synchronous invocations, the maximum payload size is 6 MB" (the Invoke API's page). */
const MAX_PAYLOAD_BYTES = 6 * 1_048_576;

const eventsOf = (device: string, count: number): PushEvent[] =>
  readings({ devices: 1, perDevice: count, intervalMs: 1_000, endMs: Date.now() }).map((event) => ({
    ...event,
    dimensions: { device },
  }));

const oneOf = (device: string): PushEvent => eventsOf(device, 1)[0] as PushEvent;

/** JSON log lines, as on Lambda; the local stack defaults to text. */
const OPTIONS = ['--env', 'AWS_LAMBDA_LOG_FORMAT=JSON'];

scenario('direct invocations behave as the Invoke API documents', OPTIONS, async (stack, context) => {
  const pushed: PushEvent[] = [];
  const { lambda, endpoints, workspace } = stack;
  const FunctionName = endpoints.lambda.functionName;

  await context.test('an event returns a summary', async () => {
    const event = oneOf('single');
    pushed.push(event);
    const summary = await pushEvents(lambda, FunctionName, event);
    assert.deepEqual(summary, { events: 1, samples: 2, series: 2, requests: 1 });
    for (const { series, value } of samplesOf(event)) {
      assert.equal((await workspace.values('{device="single"}')).get(series), value);
    }
  });

  await context.test('an array of events returns a summary', async () => {
    const events = eventsOf('array', 25);
    pushed.push(...events);
    const summary = await pushEvents(lambda, FunctionName, events);
    assert.deepEqual(summary, { events: 25, samples: 50, series: 2, requests: 1 });
  });

  await context.test('an invalid event is an error that names it', async () => {
    const good = oneOf('beside');
    const bad = { ...oneOf('invalid'), metrics: { temperature_celsius: 'warm' } };
    pushed.push(good);
    const pushing = pushEvents(lambda, FunctionName, [good, bad]);
    await assert.rejects(pushing, isPushError('InvalidEvent', /event 1.*temperature_celsius/, false));
  });

  /** AMP: "Metric samples older than 1 hour are refused" (AMP_quotas.html). */
  await context.test('a rejected event is an error with the status', async () => {
    const good = oneOf('young');
    const old = { ...oneOf('old'), timestamp: Date.now() - 2 * 3_600_000 };
    pushed.push(good);
    const pushing = pushEvents(lambda, FunctionName, [old, good]);
    await assert.rejects(pushing, isPushError('WriteRejected', /400/, false));
  });

  await context.test('a failed event can be pushed again', async () => {
    const event = oneOf('later');
    await stack.control.setFaults('403');
    await assert.rejects(pushEvents(lambda, FunctionName, event), isPushError('WriteFailed', /403/, true));
    await stack.control.setFaults();
    pushed.push(event);
    assert.equal((await pushEvents(lambda, FunctionName, event)).events, 1);
  });

  await context.test('a function error has status 200 and a payload', async () => {
    const { StatusCode, FunctionError, Payload } = await lambda.send(
      new InvokeCommand({ FunctionName, Payload: '{}' }),
    );
    assert.deepEqual([StatusCode, FunctionError], [200, 'Unhandled']);
    const { errorType, errorMessage } = JSON.parse(Payload?.transformToString() ?? '') as Record<string, unknown>;
    assert.equal(errorType, 'InvalidEvent');
    assert.equal(typeof errorMessage, 'string');
  });

  /** "For the `Event` invocation type, this status code is 202." */
  await context.test('an asynchronous invocation returns 202 and is written', async () => {
    const events = [oneOf('async-0'), oneOf('async-1')] as const;
    pushed.push(...events);
    const Payload = encodeEvents(events[0]);
    const { StatusCode } = await lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload }));
    assert.equal(StatusCode, 202);
    await pushEventsLater(lambda, FunctionName, events[1]);
    const series = (): Promise<Map<string, number>> => workspace.values('{device=~"async-.*"}');
    await waitFor('two asynchronous events of two metrics', series, (found) => found.size === 4);
  });

  /** "For the `DryRun` invocation type, the status code is 204." */
  await context.test('a dry run returns 204 and invokes nothing', async () => {
    // The asynchronous invocations above may still be busy after writing their samples.
    const isIdle = ({ processes }: FunctionState): boolean => processes.every(({ busy }) => !busy);
    const { invocations } = await waitFor('an idle function', () => stack.control.functionState(), isIdle);
    const Payload = encodeEvents(oneOf('dry'));
    const { StatusCode } = await lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'DryRun', Payload }));
    assert.equal(StatusCode, 204);
    assert.equal((await stack.control.functionState()).invocations, invocations);
  });

  /** "LogResult: The last 4 KB of the execution log, which is base64-encoded." */
  await context.test('the log tail has the lines of Lambda and the function', async () => {
    const event = oneOf('tail');
    pushed.push(event);
    const Payload = encodeEvents(event);
    const { LogResult } = await lambda.send(new InvokeCommand({ FunctionName, LogType: 'Tail', Payload }));
    const log = Buffer.from(LogResult ?? '', 'base64').toString('utf8');
    const lines = log.trimEnd().split('\n');
    const requestId = /^START RequestId: (\S+) Version: \$LATEST$/.exec(lines[0] ?? '')?.[1];
    assert.ok(requestId !== undefined, log);
    assert.ok(lines.includes(`END RequestId: ${requestId}`), log);
    const report = new RegExp(`^REPORT RequestId: ${requestId}\tDuration: [\\d.]+ ms\tBilled Duration: \\d+ ms\t`);
    assert.match(lines.at(-1) ?? '', report);
    const written = lines.slice(1, -2).map((line) => JSON.parse(line) as Record<string, unknown>);
    const info = written.filter(({ level }) => level === 'INFO');
    assert.deepEqual(
      info.map(({ events, samples, failed }) => [events, samples, failed]),
      [[1, 2, 0]],
      log,
    );
  });

  /** RequestTooLargeException: "HTTP Status Code: 413" */
  await context.test('a payload over 6 MB returns 413', async () => {
    const Payload = JSON.stringify('x'.repeat(MAX_PAYLOAD_BYTES));
    const invoking = lambda.send(new InvokeCommand({ FunctionName, Payload }));
    await assert.rejects(invoking, isServiceError('RequestTooLargeException', 413));
  });

  /** ResourceNotFoundException: "HTTP Status Code: 404" */
  await context.test('an unknown function returns 404', async () => {
    const pushing = pushEvents(lambda, 'no-such-function', oneOf('lost'));
    await assert.rejects(pushing, isServiceError('ResourceNotFoundException', 404));
  });

  await assertStored(stack, pushed);
});

function isPushError(errorType: string, message: RegExp, mayPassLater: boolean): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof PushError, String(error));
    assert.match(error.message, message);
    assert.deepEqual([error.errorType, error.mayPassLater], [errorType, mayPassLater]);
    return true;
  };
}

function isServiceError(name: string, status: number): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof LambdaServiceException, String(error));
    assert.deepEqual([error.name, error.$metadata.httpStatusCode], [name, status]);
    return true;
  };
}
