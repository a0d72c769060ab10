/** The producer with a scripted SQS endpoint: limits, partial failures, and errors. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type Message, MessagesNotSentError, sendEvents, sendMessages } from '../../src/index.js';
import { type Script, ScriptedSqs } from './scripted-sqs.js';

const numbered = (count: number): Message[] => Array.from({ length: count }, (_, at) => ({ body: `message ${at}` }));

/** Sends and expects an error. */
async function failure(sqs: ScriptedSqs, messages: readonly Message[], attempts = 3): Promise<MessagesNotSentError> {
  const error = await sendMessages(sqs.client, sqs.queueUrl, messages, { attempts }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof MessagesNotSentError, String(error));
  return error;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html: "up to 10 messages" */
test('a call has ten messages, in order', async () => {
  await using sqs = await ScriptedSqs.start(() => 'sent');
  const ids = await sendMessages(sqs.client, sqs.queueUrl, numbered(25));
  assert.deepEqual(
    sqs.calls.map((call) => call.length),
    [10, 10, 5],
  );
  assert.deepEqual(
    sqs.calls.flat().map((entry) => entry.MessageBody),
    numbered(25).map(({ body }) => body),
  );
  ids.forEach((id, at) => assert.ok(id.endsWith(` of message ${at}`), id));
});

/** The same page: "the sum of the individual lengths of all of the batched messages" is at most 1,048,576 bytes. */
test('a call has at most 1 MiB, in bytes of UTF-8', async () => {
  await using sqs = await ScriptedSqs.start(() => 'sent');
  const half = { body: 'é'.repeat(262_144) };
  await sendMessages(sqs.client, sqs.queueUrl, [half, half, { body: 'x' }, half]);
  assert.deepEqual(
    sqs.calls.map((call) => call.length),
    [2, 2],
  );
});

test('only a message over 1 MiB is not sent', async () => {
  await using sqs = await ScriptedSqs.start(() => 'sent');
  const large = { body: 'x'.repeat(1_048_577) };
  const { unsent, sent } = await failure(sqs, [...numbered(2), large]);
  assert.deepEqual(unsent, [{ message: large, reason: 'expected at most 1048576 bytes, got 1048577' }]);
  assert.deepEqual([sent, sqs.calls.flat().length], [2, 2]);
});

/** The same page: "you should check for batch errors even when the call returns an HTTP status code of 200". */
test('only failed entries are retried', async () => {
  const script: Script = (entry, call) => (call === 0 && entry.MessageBody.endsWith('3') ? 'service fault' : 'sent');
  await using sqs = await ScriptedSqs.start(script);
  const ids = await sendMessages(sqs.client, sqs.queueUrl, numbered(10));
  assert.deepEqual([sqs.calls.length, sqs.bodies(1)], [2, ['message 3']]);
  assert.match(ids[3] ?? '', / of message 3$/);
});

test('an entry without a result is retried', async () => {
  await using sqs = await ScriptedSqs.start((entry, call) => (call === 0 && entry.Id === '0' ? 'silence' : 'sent'));
  await sendMessages(sqs.client, sqs.queueUrl, numbered(2));
  assert.deepEqual(sqs.bodies(1), ['message 0']);
});

/** SenderFault: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_BatchResultErrorEntry.html */
test('a sender fault is not retried', async () => {
  await using sqs = await ScriptedSqs.start((entry) => (entry.MessageBody === 'message 1' ? 'sender fault' : 'sent'));
  const error = await failure(sqs, numbered(3));
  assert.equal(sqs.calls.length, 1);
  assert.equal(error.sent, 2);
  assert.deepEqual(error.unsent, [{ message: { body: 'message 1' }, reason: 'InvalidMessageContents: not so' }]);
  assert.equal(error.message, '1 of 3 messages were not sent, the first: InvalidMessageContents: not so');
});

test('sending stops after the attempts without progress', async () => {
  await using sqs = await ScriptedSqs.start((_, call) => (call === 0 ? 'sent' : 'service fault'));
  const error = await failure(sqs, numbered(25));
  assert.equal(sqs.calls.length, 4);
  assert.deepEqual(
    error.unsent.map(({ message }) => message),
    numbered(25).slice(10),
  );
  assert.match(error.message, /SQS accepted no message in 3 consecutive calls, the last error: InternalError: not now/);
});

test('sending continues while there is progress', async () => {
  await using sqs = await ScriptedSqs.start((entry) => (entry.Id === '0' ? 'sent' : 'service fault'));
  await sendMessages(sqs.client, sqs.queueUrl, numbered(5), { attempts: 1 });
  assert.equal(sqs.calls.length, 5);
});

test('a failed call stops sending, with its cause', async () => {
  const sqs = await ScriptedSqs.start(() => 'sent');
  await sqs[Symbol.asyncDispose]();
  const error = await failure(sqs, numbered(12));
  assert.equal(error.unsent.length, 12);
  assert.match(String(error.cause), /ECONNREFUSED/);
});

test('an abort stops sending and lists the unsent messages', async () => {
  const abort = new AbortController();
  await using sqs = await ScriptedSqs.start((_, call) => {
    if (call === 1) abort.abort();
    return 'service fault';
  });
  const sending = sendMessages(sqs.client, sqs.queueUrl, numbered(2), { attempts: 1_000, signal: abort.signal });
  await assert.rejects(sending, (error) => error instanceof MessagesNotSentError && error.unsent.length === 2);
});

/**
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html: entries of one call
 * fail on their own, so a later message of a group must not be in the same call.
 */
test('a partly accepted call keeps the order of groups', async () => {
  const failed = new Set<string>();
  const taken: string[] = [];
  await using sqs = await ScriptedSqs.start(({ MessageBody }) => {
    if (MessageBody.includes('3') && !failed.has(MessageBody)) {
      failed.add(MessageBody);
      return 'service fault';
    }
    taken.push(MessageBody);
    return 'sent';
  });
  const events = Array.from({ length: 24 }, (_, timestamp) => ({
    dimensions: { group: `g${timestamp % 3}` },
    timestamp,
    metrics: { m: 1 },
  }));
  await sendEvents(sqs.client, sqs.queueUrl, events, { groupOf: (event) => event.dimensions['group'] as string });
  for (const group of ['g0', 'g1', 'g2']) {
    const expected = events.filter((event) => event.dimensions.group === group).map((event) => JSON.stringify(event));
    assert.deepEqual(
      taken.filter((body) => body.includes(group)),
      expected,
    );
  }
});

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html */
test('a retried message keeps its deduplication id', async () => {
  await using sqs = await ScriptedSqs.start((_, call) => (call === 0 ? 'silence' : 'sent'));
  await sendMessages(sqs.client, sqs.queueUrl, [
    { body: 'a', groupId: 'g' },
    { body: 'a', groupId: 'h' },
  ]);
  const idsOf = (call: number): unknown[] => (sqs.calls[call] ?? []).map((entry) => entry.MessageDeduplicationId);
  assert.deepEqual(idsOf(0), idsOf(1));
  assert.equal(new Set(idsOf(0)).size, 2);
});
