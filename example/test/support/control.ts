/** The control API of the stack: faults of the receiver, and counts. */

import assert from 'node:assert/strict';

/** The stack responds immediately, unless the machine is busy. */
const REQUEST_TIMEOUT_MS = 60_000;

export interface FunctionState {
  readonly processes: readonly { readonly pid: number; readonly busy: boolean }[];
  readonly invocations: number;
  readonly errors: number;
}

export interface Figures {
  readonly queue: { readonly visible: number; readonly inFlight: number };
  readonly deadLetters: number;
  readonly function: { readonly invocations: number; readonly errors: number; readonly throttles: number };
  readonly eventSource: {
    readonly received: number;
    readonly invocations: number;
    readonly failedInvocations: number;
    readonly deleted: number;
    readonly givenBack: number;
  };
  readonly amp: { readonly requests: number; readonly series: number; readonly samples: number };
}

export class Control {
  readonly #url: string;
  readonly #functionName: string;

  constructor(url: string, functionName: string) {
    this.#url = url;
    this.#functionName = functionName;
  }

  /** Replaces the faults of the receiver, each a specification such as `503:2`. Without any, the receiver has no faults. */
  async setFaults(...specifications: readonly string[]): Promise<void> {
    await this.#request('PUT', 'faults', specifications.join('\n'));
  }

  async functionState(): Promise<FunctionState> {
    const functions = JSON.parse(await this.#request('GET', 'functions')) as Record<string, FunctionState>;
    const state = functions[this.#functionName];
    assert.ok(state !== undefined, `no function ${this.#functionName} among ${Object.keys(functions).join(', ')}`);
    return state;
  }

  async figures(): Promise<Figures> {
    return JSON.parse(await this.#request('GET', 'figures')) as Figures;
  }

  async #request(method: 'GET' | 'PUT', path: string, body?: string): Promise<string> {
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const init = body === undefined ? { method, signal } : { method, signal, body };
    const response = await fetch(`${this.#url}/${path}`, init);
    const text = await response.text();
    assert.ok(response.ok, `${method} /${path} of the control API: ${response.status} ${text}`);
    return text;
  }
}
