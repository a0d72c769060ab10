/** Sends requests that are signed with Signature Version 4. */

import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

import type { Endpoints } from './endpoints.js';

/** AMP ends a query after a minute (https://docs.aws.amazon.com/prometheus/latest/userguide/AMP_quotas.html). */
const TIMEOUT_MS = 60_000;

export class SignedClient {
  readonly #signer: SignatureV4;

  /** @param service the name of the service in the signature */
  constructor({ credentials, region }: Endpoints, service: string) {
    this.#signer = new SignatureV4({ credentials, region, service, sha256: Sha256 });
  }

  async post(
    url: URL,
    headers: Readonly<Record<string, string>>,
    body: string,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const signed = await this.#signer.sign({
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      port: Number(url.port),
      path: url.pathname,
      headers: { host: url.host, ...headers },
      body,
    });
    // fetch sets the host from the same URL.
    const { host: _, ...others } = signed.headers;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(url, { method: 'POST', headers: others, body, signal });
    return { status: response.status, text: await response.text() };
  }
}
