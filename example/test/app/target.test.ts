/** The address of a channel, from options, outputs of a deployment and endpoints of the local stack. */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { type TargetOptions, targetOf } from '../../src/commands/target.js';

const QUEUE_URL = 'https://sqs.eu-west-1.amazonaws.com/123456789012/queue';
const CREDENTIALS = { accessKeyId: 'a', secretAccessKey: 'b' };
let folder: string;
let outputs: string;
let endpoints: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'push-gateway-target-'));
  outputs = join(folder, 'outputs.json');
  endpoints = join(folder, 'endpoints.json');
  const stack = {
    Region: 'eu-west-1',
    QueueUrl: QUEUE_URL,
    FunctionName: 'function',
    IotTopic: 'devices/<device>/events',
  };
  await writeFile(outputs, JSON.stringify({ PushGateway: stack }));
  const lambda = { endpoint: 'http://127.0.0.1:1', functionName: 'local' };
  await writeFile(endpoints, JSON.stringify({ region: 'us-east-1', credentials: CREDENTIALS, lambda }));
});
after(() => rm(folder, { recursive: true }));

const target = (options: Partial<TargetOptions>) => targetOf({ via: 'queue', outputs, ...options });

test('the outputs give the address and region', async () => {
  const client = { region: 'eu-west-1' };
  assert.deepEqual(await target({}), { channel: 'queue', address: QUEUE_URL, client });
  assert.deepEqual(await target({ via: 'function' }), { channel: 'function', address: 'function', client });
  assert.deepEqual(await target({ via: 'iot' }), { channel: 'iot', address: 'devices/<device>/events', client });
});

test('an option replaces the outputs and their region', async () => {
  assert.deepEqual(await target({ 'queue-url': 'other', outputs: 'none' }), {
    channel: 'queue',
    address: 'other',
    client: {},
  });
});

test('an endpoint works with or without the outputs', async () => {
  const endpoint = 'http://127.0.0.1:2';
  assert.deepEqual((await target({ 'endpoint-url': endpoint })).client, { region: 'eu-west-1', endpoint });
  assert.deepEqual((await target({ 'endpoint-url': endpoint, 'queue-url': 'q' })).client, { endpoint });
});

test('the local endpoints give address and credentials', async () => {
  const client = { region: 'us-east-1', credentials: CREDENTIALS, endpoint: 'http://127.0.0.1:1' };
  assert.deepEqual(await target({ via: 'function', endpoints }), { channel: 'function', address: 'local', client });
});

test('fails if the address is unknown', async () => {
  await assert.rejects(target({ via: 'mail' }), /--via: expected queue, function, iot, got mail/);
  await assert.rejects(
    target({ outputs: join(folder, 'none') }),
    /cannot read .*none.*npx cdk deploy.*--queue-url or --endpoints/,
  );
  await assert.rejects(
    target({ endpoints: join(folder, 'none') }),
    /cannot read .*npm start -- --serve --endpoints FILE/,
  );
  await assert.rejects(target({ outputs: endpoints }), /has no output QueueUrl; set --queue-url/);
  await assert.rejects(
    target({ via: 'iot', endpoints }),
    /has no endpoint for iot; set --endpoint-url and --iot-topic/,
  );
});
