/**
 * The HTTP endpoint of IoT Core for publishing, with the rule of the example's stack: messages on `devices/+/events` are
 * passed on unchanged, others are dropped.
 * API: https://docs.aws.amazon.com/iot/latest/apireference/API_iotdata_Publish.html
 */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Published {
  readonly topic: string;
  readonly qos: string | null;
  readonly payload: string;
}

export class IotEndpoint implements AsyncDisposable {
  readonly published: Published[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param pass the action of the rule; if it fails, the call fails too */
  static async start(pass: (payload: string) => Promise<unknown>): Promise<IotEndpoint> {
    const server = createServer((request, response) => {
      void (async () => {
        const url = new URL(request.url ?? '/', 'http://127.0.0.1');
        const topic = decodeURIComponent(url.pathname.replace(/^\/topics\//, ''));
        const payload = await text(request);
        endpoint.published.push({ topic, qos: url.searchParams.get('qos'), payload });
        if (/^devices\/[^/]+\/events$/.test(topic)) await pass(payload);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"message":"OK"}');
      })().catch((error: unknown) => {
        response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ message: String(error) }));
      });
    });
    const endpoint = new IotEndpoint(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
