#!/usr/bin/env node
// The same job as the function, as one would write it in Node.js: receives SQS batches of events from Lambda's runtime API,
// and sends signed write requests. Protobuf is by protobufjs with the code that it generates, snappy by a native module,
// SigV4 by Smithy with OpenSSL's SHA-256; connections are kept alive.
//
// It does less than the function: it gives back rejected requests as a whole, has no dead-letter queue, checks names without
// escaping them, and compares label sets by their text.

import { Agent, request as httpRequest } from 'node:http';

import { Hash } from '@smithy/hash-node';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import protobuf from 'protobufjs/light.js';
import snappy from 'snappy';

const { WriteRequest } = protobuf.Root.fromJSON({
  nested: {
    Sample: { fields: { value: { type: 'double', id: 1 }, timestamp: { type: 'int64', id: 2 } } },
    Label: { fields: { name: { type: 'string', id: 1 }, value: { type: 'string', id: 2 } } },
    TimeSeries: {
      fields: {
        labels: { rule: 'repeated', type: 'Label', id: 1 },
        samples: { rule: 'repeated', type: 'Sample', id: 2 },
      },
    },
    WriteRequest: { fields: { timeseries: { rule: 'repeated', type: 'TimeSeries', id: 1 } } },
  },
}).nested;

const MAX_REQUEST_BYTES = 1_000_000;
/** The largest encoding of a sample: two keys, a double, a timestamp, and its own key and length. */
const MAX_SAMPLE_BYTES = 24;

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const DECIMAL = /^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|Inf)$|^NaN$/;

const endpoint = new URL(process.env.REMOTE_WRITE_URL);
const agent = new Agent({ keepAlive: true });
const signer = new SignatureV4({
  service: 'aps',
  region: process.env.AWS_REGION,
  sha256: Hash.bind(null, 'sha256'),
  credentials: {
    accessKeyId: process.env.AWS_ACCESS_KEY_ID,
    secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
    sessionToken: process.env.AWS_SESSION_TOKEN,
  },
});

async function handler(event) {
  const failed = new Set();
  const seriesByKey = new Map();
  for (const record of event.Records) {
    try {
      addEvent(seriesByKey, JSON.parse(record.body), record.messageId);
    } catch (error) {
      console.warn(`${record.messageId} is invalid: ${error.message}`);
      failed.add(record.messageId);
    }
  }
  let samples = 0;
  for (const timeseries of requests(seriesByKey.values())) {
    // One after the other, because a series may continue in the next request.
    if (await write(timeseries)) {
      for (const series of timeseries) samples += series.samples.length;
    } else {
      for (const series of timeseries) for (const sample of series.samples) failed.add(sample.messageId);
    }
  }
  console.log(JSON.stringify({ Samples: samples }));
  return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
}

function addEvent(seriesByKey, { dimensions, timestamp, metrics }, messageId) {
  if (!Number.isSafeInteger(timestamp)) throw new TypeError('timestamp is not an integer');
  const labels = Object.entries(dimensions).filter(([, value]) => value !== '');
  for (const [name, value] of labels) {
    if (!LABEL_NAME.test(name) || typeof value !== 'string') throw new TypeError(`bad dimension ${name}`);
  }
  const values = Object.entries(metrics).map(([name, text]) => {
    if (!METRIC_NAME.test(name)) throw new TypeError(`bad metric name ${name}`);
    return [name, valueOf(text)];
  });
  if (values.length === 0) throw new TypeError('no metrics');
  for (const [name, value] of values) {
    const sorted = [...labels, ['__name__', name]].sort(([a], [b]) => (a < b ? -1 : 1));
    const key = sorted.flat().join('\0');
    let series = seriesByKey.get(key);
    if (series === undefined) {
      series = { labels: sorted.map(([name, value]) => ({ name, value })), samples: [] };
      seriesByKey.set(key, series);
    }
    series.samples.push({ value, timestamp, messageId });
  }
}

function valueOf(value) {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || !DECIMAL.test(value)) throw new TypeError(`bad value ${value}`);
  return Number(value.replace('Inf', 'Infinity'));
}

/** Yields requests within the limit: series with ascending timestamps, and the last sample of each timestamp. */
function* requests(allSeries) {
  let timeseries = [];
  let bytes = 0;
  for (const { labels, samples } of allSeries) {
    samples.sort((a, b) => a.timestamp - b.timestamp);
    const last = samples.filter((sample, at) => samples[at + 1]?.timestamp !== sample.timestamp);
    const labelBytes = labels.reduce((sum, { name, value }) => sum + 12 + 3 * (name.length + value.length), 12);
    const most = Math.floor((MAX_REQUEST_BYTES - labelBytes) / MAX_SAMPLE_BYTES);
    for (let from = 0; from < last.length; from += most) {
      const part = last.slice(from, from + most);
      const partBytes = labelBytes + part.length * MAX_SAMPLE_BYTES;
      if (bytes + partBytes > MAX_REQUEST_BYTES) {
        yield timeseries;
        [timeseries, bytes] = [[], 0];
      }
      timeseries.push({ labels, samples: part });
      bytes += partBytes;
    }
  }
  if (timeseries.length > 0) yield timeseries;
}

async function write(timeseries) {
  const message = WriteRequest.encode({ timeseries }).finish();
  const body = snappy.compressSync(message);
  const signed = await signer.sign(
    new HttpRequest({
      method: 'POST',
      protocol: endpoint.protocol,
      hostname: endpoint.hostname,
      port: Number(endpoint.port),
      path: endpoint.pathname,
      headers: {
        host: endpoint.host,
        'content-encoding': 'snappy',
        'content-type': 'application/x-protobuf',
        'user-agent': 'push-gateway-bench-node',
        'x-prometheus-remote-write-version': '0.1.0',
      },
      body,
    }),
  );
  const { status } = await call(endpoint, { agent, method: 'POST', headers: signed.headers }, body);
  return status >= 200 && status < 300;
}

function call(url, options, body) {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

// The loop of a runtime: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
const runtime = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
const runtimeAgent = new Agent({ keepAlive: true, maxSockets: 1 });

function answer(path, value) {
  const body = JSON.stringify(value);
  const headers = { 'content-length': Buffer.byteLength(body) };
  return call(`${runtime}/${path}`, { agent: runtimeAgent, method: 'POST', headers }, body);
}

for (;;) {
  const next = await call(`${runtime}/next`, { agent: runtimeAgent });
  const id = next.headers['lambda-runtime-aws-request-id'];
  try {
    await answer(`${id}/response`, await handler(JSON.parse(next.text)));
  } catch (error) {
    await answer(`${id}/error`, { errorType: error.name, errorMessage: error.message, stackTrace: [] });
  }
}
