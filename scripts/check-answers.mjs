// Checks that a built function starts and answers: plays the Lambda runtime API and a receiver of remote write on
// 127.0.0.1, hands over one event, and expects the summary that the README documents.
// Usage: check-answers.mjs <file>

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { resolve } from 'node:path';

const EVENT = '{"dimensions":{"customerId":"customer1"},"timestamp":1676398017000,"metrics":{"temperature":"14.3","ph":"6.7"}}';
const EXPECTED = '{"events":1,"samples":2,"series":2,"requests":1}';
// Generous, because a busy machine is no fault of the function: nothing waits for it when all is well.
const PATIENCE_MS = 30_000;

const file = resolve(process.argv[2] ?? '');
let writes = 0;
let handedOver = false;

const answer = new Promise((done, failed) => {
  const server = createServer((request, response) => {
    const body = [];
    request.on('data', (chunk) => body.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(body).toString();
      if (request.url.endsWith('/invocation/next')) {
        // The second poll hangs, as it does on Lambda until there is another event.
        if (handedOver) return;
        handedOver = true;
        response.setHeader('Lambda-Runtime-Aws-Request-Id', 'check');
        response.setHeader('Lambda-Runtime-Deadline-Ms', `${Date.now() + PATIENCE_MS}`);
        response.setHeader('Lambda-Runtime-Invoked-Function-Arn', 'arn:aws:lambda:us-east-1:123456789012:function:check');
        response.end(EVENT);
      } else if (request.url === '/write') {
        writes += 1;
        response.end();
      } else {
        response.statusCode = 202;
        response.end();
        if (request.url.endsWith('/invocation/check/response')) done(text);
        else failed(new Error(`it reported an error to ${request.url}: ${text}`));
      }
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const host = `127.0.0.1:${server.address().port}`;
    const child = spawn(file, {
      env: {
        AWS_LAMBDA_RUNTIME_API: host,
        AWS_LAMBDA_FUNCTION_NAME: 'check',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
        AWS_LAMBDA_FUNCTION_VERSION: '1',
        REMOTE_WRITE_URL: `http://${host}/write`,
        REMOTE_WRITE_AUTH: 'none',
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    process.on('exit', () => child.kill('SIGKILL'));
    child.on('error', failed);
    child.on('exit', (code, signal) => failed(new Error(`it ended (${code ?? signal}) before it answered`)));
  });
  setTimeout(() => failed(new Error(`it gave no answer in ${PATIENCE_MS} ms`)), PATIENCE_MS);
});

try {
  const text = await answer;
  if (text !== EXPECTED || writes !== 1) {
    throw new Error(`it answered ${text} after ${writes} write requests; expected ${EXPECTED} after 1`);
  }
  console.log(`• The artifact starts and answers ${text}.`);
  process.exit(0);
} catch (error) {
  console.error(`✗ ${file}: ${error.message}`);
  process.exit(1);
}
