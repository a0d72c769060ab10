// Checks that the built extension starts, subscribes, counts and sends: plays Lambda's Extensions and Telemetry APIs and a
// receiver of remote write on 127.0.0.1, delivers the report of one invocation, and ends the environment.
// Usage: check-extension.mjs <file> [program that runs it]

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { basename, resolve } from 'node:path';

// Generous, because a busy machine is no fault of the extension: nothing waits for it when all is well.
const PATIENCE_MS = 30_000;
// Lambda's limit: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html#runtimes-lifecycle-extensions-shutdown
const SHUTDOWN_MS = 2_000;
const REPORT = {
  time: new Date().toISOString(),
  type: 'platform.report',
  record: {
    requestId: 'check',
    status: 'success',
    metrics: { durationMs: 12.5, billedDurationMs: 13, memorySizeMB: 128, maxMemoryUsedMB: 60 },
  },
};

const [path, runner] = process.argv.slice(2);
if (!path) {
  console.error('✗ Usage: check-extension.mjs <file> [program that runs it]');
  process.exit(1);
}
const file = resolve(path);

/** What it did, in order: the name that it registered with, the deliveries and write requests that were answered. */
const seen = { name: undefined, delivered: undefined, bytes: 0 };

const ended = new Promise((done, failed) => {
  let listener;
  const server = createServer((request, response) => {
    const body = [];
    request.on('data', (chunk) => body.push(chunk));
    request.on('end', async () => {
      const { url } = request;
      if (url.endsWith('/extension/register')) {
        seen.name = request.headers['lambda-extension-name'];
        response.setHeader('Lambda-Extension-Identifier', 'check');
        response.end('{"functionName":"check","functionVersion":"1","handler":"check"}');
      } else if (url.endsWith('/telemetry')) {
        listener = new URL(JSON.parse(Buffer.concat(body)).destination.URI).port;
        response.end('"OK"');
      } else if (url.endsWith('/extension/event/next')) {
        const delivery = await fetch(`http://127.0.0.1:${listener}`, {
          method: 'POST',
          body: JSON.stringify([REPORT]),
        });
        seen.delivered = delivery.status;
        response.end(
          JSON.stringify({ eventType: 'SHUTDOWN', shutdownReason: 'SPINDOWN', deadlineMs: Date.now() + SHUTDOWN_MS }),
        );
      } else if (url === '/api/v1/write') {
        seen.bytes += Buffer.concat(body).length;
        response.statusCode = 204;
        response.end();
      } else {
        response.statusCode = 202;
        response.end();
        failed(new Error(`it reported an error to ${url}: ${Buffer.concat(body)}`));
      }
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const host = `127.0.0.1:${server.address().port}`;
    const [command, ...args] = runner ? [resolve(runner), file] : [file];
    const child = spawn(command, args, {
      env: {
        AWS_LAMBDA_RUNTIME_API: host,
        AWS_LAMBDA_FUNCTION_NAME: 'check',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
        AWS_LAMBDA_FUNCTION_VERSION: '1',
        // The name of the sandbox is not known here.
        AWS_SAM_LOCAL: 'true',
        TELEMETRY_REMOTE_WRITE_URL: `http://${host}/api/v1/write`,
        TELEMETRY_REMOTE_WRITE_AUTH: 'none',
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    process.on('exit', () => child.kill('SIGKILL'));
    child.on('error', failed);
    child.on('exit', (code, signal) => done(code ?? signal));
  });
  setTimeout(() => failed(new Error(`it did not end in ${PATIENCE_MS} ms`)), PATIENCE_MS);
});

try {
  const code = await ended;
  if (code !== 0 || seen.name !== basename(file) || seen.delivered !== 200 || seen.bytes === 0) {
    throw new Error(`it ended with ${code} after ${JSON.stringify(seen)}, which is not what is documented`);
  }
  console.log(`• The extension starts, counts an invocation, sends ${seen.bytes} bytes and ends.`);
  process.exit(0);
} catch (error) {
  console.error(`✗ ${file}: ${error.message}`);
  process.exit(1);
}
