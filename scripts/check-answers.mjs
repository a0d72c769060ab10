// Checks that a built function starts and answers: plays the Lambda runtime API and what the function talks to on
// 127.0.0.1, hands over one event, and expects the answer that the READMEs document.
// Usage: check-answers.mjs push-gateway|query <file> [program that runs it]

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { resolve } from 'node:path';

const RESULT = '{"resultType":"vector","result":[{"metric":{"job":"api"},"value":[1769860800,"3"]}]}';

/** Of each function: its variables, an event, how the other side answers the one request for it, and what is expected. */
const FUNCTIONS = {
  'push-gateway': {
    variables: (host) => ({ REMOTE_WRITE_URL: `http://${host}/api/v1/write`, REMOTE_WRITE_AUTH: 'none' }),
    event:
      '{"dimensions":{"customerId":"customer1"},"timestamp":1676398017000,"metrics":{"temperature":"14.3","ph":"6.7"}}',
    reply: '',
    isExpected: (text) => text === '{"events":1,"samples":2,"series":2,"requests":1}',
  },
  query: {
    variables: (host) => ({ _HANDLER: 'query', WORKSPACE_URL: `http://${host}`, WORKSPACE_AUTH: 'none' }),
    event: '{"query":"sum by (job) (up)"}',
    reply: `{"status":"success","data":${RESULT}}`,
    isExpected: (text) => {
      const { statusCode, body } = JSON.parse(text);
      return statusCode === 200 && body.success === true && JSON.stringify(body.data) === RESULT;
    },
  },
};
// Generous, because a busy machine is no fault of the function: nothing waits for it when all is well.
const PATIENCE_MS = 30_000;

const [name, path, runner] = process.argv.slice(2);
const checked = FUNCTIONS[name];
if (!checked || !path) {
  console.error(`✗ Usage: check-answers.mjs ${Object.keys(FUNCTIONS).join('|')} <file> [program that runs it]`);
  process.exit(1);
}
const file = resolve(path);
let requests = 0;
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
        response.setHeader(
          'Lambda-Runtime-Invoked-Function-Arn',
          'arn:aws:lambda:us-east-1:123456789012:function:check',
        );
        response.end(checked.event);
      } else if (request.url.startsWith('/api/v1/')) {
        requests += 1;
        response.end(checked.reply);
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
    const [command, ...args] = runner ? [resolve(runner), file] : [file];
    const child = spawn(command, args, {
      env: {
        AWS_LAMBDA_RUNTIME_API: host,
        AWS_LAMBDA_FUNCTION_NAME: 'check',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
        AWS_LAMBDA_FUNCTION_VERSION: '1',
        ...checked.variables(host),
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
  if (!checked.isExpected(text) || requests !== 1) {
    throw new Error(`it answered ${text} after ${requests} requests, which is not what is documented`);
  }
  console.log(`• The artifact starts and answers ${text}.`);
  process.exit(0);
} catch (error) {
  console.error(`✗ ${file}: ${error.message}`);
  process.exit(1);
}
