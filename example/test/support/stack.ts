/**
 * The local stack in a child process, with clients for its parts. It stops when it is disposed of, or when this process
 * ends.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { LambdaClient } from '@aws-sdk/client-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';

import { Control } from './control.js';
import { type Endpoints, readEndpoints } from './endpoints.js';
import { programs } from './environment.js';
import { Workspace } from './promql.js';
import { waitFor } from './wait.js';

const START_DEADLINE_MS = 180_000;
const STOP_DEADLINE_MS = 120_000;

/** Characters of output that are kept for error messages. */
const KEPT_OUTPUT = 20_000;

export class Stack implements AsyncDisposable {
  readonly endpoints: Endpoints;
  readonly control: Control;
  readonly workspace: Workspace;
  readonly sqs: SQSClient;
  readonly lambda: LambdaClient;
  readonly #process: StackProcess;

  private constructor(process: StackProcess, endpoints: Endpoints) {
    const { region, credentials } = endpoints;
    this.#process = process;
    this.endpoints = endpoints;
    this.control = new Control(endpoints.control, endpoints.lambda.functionName);
    this.workspace = new Workspace(endpoints);
    this.sqs = new SQSClient({ region, credentials, endpoint: endpoints.sqs.endpoint });
    this.lambda = new LambdaClient({ region, credentials, endpoint: endpoints.lambda.endpoint });
  }

  /**
   * @param options further options of `push-gateway-local serve`
   * @param listen gets the output of the stack
   */
  static async start(
    options: readonly string[] = [],
    listen: (text: string) => void = () => undefined,
  ): Promise<Stack> {
    const process = await StackProcess.spawn(options, listen);
    try {
      const endpoints = await waitFor(
        'the stack to be up',
        async (): Promise<Endpoints | Error> => process.hasEnded() ?? (await readEndpoints(process.endpointsFile)),
        () => true,
        START_DEADLINE_MS,
      );
      if (endpoints instanceof Error) throw endpoints;
      assert.ok(endpoints.prometheus !== null, 'there is no Prometheus: set PROMETHEUS to its path');
      return new Stack(process, endpoints);
    } catch (error) {
      await process.kill();
      throw new Error(`the stack did not start: ${String(error)}\n${process.output}`, { cause: error });
    }
  }

  /** The end of the output of the stack. */
  get output(): string {
    return this.#process.output;
  }

  /** Interrupts the stack and checks its exit status. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.sqs.destroy();
    this.lambda.destroy();
    await this.#process.interrupt();
  }
}

class StackProcess {
  readonly endpointsFile: string;
  readonly #child: ChildProcess;
  readonly #directory: string;
  output = '';
  #failure: Error | undefined;

  private constructor(child: ChildProcess, directory: string, endpointsFile: string, listen: (text: string) => void) {
    this.#child = child;
    this.#directory = directory;
    this.endpointsFile = endpointsFile;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output = (this.output + text).slice(-KEPT_OUTPUT);
        listen(text);
      });
    }
    child.once('error', (error) => {
      this.#failure = error;
    });
  }

  static async spawn(options: readonly string[], listen: (text: string) => void): Promise<StackProcess> {
    const { local, functionBinary, queryBinary, moto, prometheus } = programs();
    const directory = await mkdtemp(join(tmpdir(), 'push-gateway-example-'));
    const endpointsFile = join(directory, 'endpoints.json');
    const binaries = ['--function', functionBinary, '--query', queryBinary, '--moto', moto, '--prometheus', prometheus];
    const life = ['--endpoints', endpointsFile, '--stop-with', String(process.pid)];
    const child = spawn(local, ['serve', ...binaries, ...life, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
    return new StackProcess(child, directory, endpointsFile, listen);
  }

  /** Why the process ended; `undefined` while it runs. */
  hasEnded(): Error | undefined {
    if (this.#failure !== undefined) return this.#failure;
    const { exitCode, signalCode } = this.#child;
    return exitCode === null && signalCode === null ? undefined : new Error(`it ended with ${exitCode ?? signalCode}`);
  }

  async interrupt(): Promise<void> {
    const endedBefore = this.hasEnded();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_DEADLINE_MS);
    try {
      if (endedBefore === undefined) {
        const exited = once(this.#child, 'exit');
        this.#child.kill('SIGINT');
        await exited;
      }
    } finally {
      clearTimeout(late);
      await rm(this.#directory, { recursive: true, force: true });
    }
    assert.equal(endedBefore, undefined, `the stack ended unexpectedly\n${this.output}`);
    assert.equal(this.#child.exitCode, 0, `the stack ended with ${this.#child.signalCode}\n${this.output}`);
  }

  async kill(): Promise<void> {
    if (this.hasEnded() === undefined) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await exited;
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}
