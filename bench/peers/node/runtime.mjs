// The loop of a Lambda runtime: next invocation, handler, answer. As little as speaks the runtime API, with one
// connection kept alive.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

import { Agent, request as httpRequest } from 'node:http';

import { handler } from './handler.mjs';

const [hostname, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body = '') {
  return new Promise((resolve, reject) => {
    const options = { hostname, port, agent, method, path: `/2018-06-01/runtime/invocation/${path}` };
    if (method === 'POST') options.headers = { 'content-length': Buffer.byteLength(body) };
    const request = httpRequest(options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

for (;;) {
  const next = await call('GET', 'next');
  const id = next.headers['lambda-runtime-aws-request-id'];
  try {
    const answer = await handler(JSON.parse(next.body.toString('utf8')));
    await call('POST', `${id}/response`, JSON.stringify(answer));
  } catch (error) {
    const report = { errorType: error.name, errorMessage: error.message, stackTrace: [] };
    await call('POST', `${id}/error`, JSON.stringify(report));
  }
}
