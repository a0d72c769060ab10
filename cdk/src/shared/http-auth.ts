import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

/**
 * Which HTTP requests an endpoint serves.
 *
 * One function serves every endpoint of a push gateway, so `none` cannot be combined with another auth. `iam` and `secret` can:
 * each endpoint then also serves requests with the secret, except where IAM rejects them first.
 */
export class HttpAuth {
  /**
   * Requests that are signed with Signature Version 4 by a principal with permission: `grantPush` of a push gateway, or
   * `grantInvokeUrl` of a function URL for queries. No Pushgateway client and no OpenTelemetry SDK signs its requests, so use
   * it for agents that do, such as vmagent and the OpenTelemetry Collector. A load balancer cannot use it.
   */
  public static iam(): HttpAuth {
    return new HttpAuth('iam');
  }

  /**
   * Requests with the user name and password of a secret as basic authentication, which every Pushgateway client,
   * OpenTelemetry SDK, agent and Grafana supports, or with the password as bearer token. The function reads a rotated secret
   * within seconds. It gets:
   *
   *  - `secretsmanager:GetSecretValue` on the secret, and `kms:Decrypt` on its key if you own it
   *
   * @param secret a JSON object with `username` and `password`; by default a new one with a generated password, and the
   * user name `push-gateway` to push or `prometheus` to query
   */
  public static secret(secret?: secretsmanager.ISecret): HttpAuth {
    return new HttpAuth('secret', secret);
  }

  /**
   * Every request that reaches the endpoint: only the network keeps others out, for example an internal load balancer.
   * Synthesis warns of it.
   */
  public static none(): HttpAuth {
    return new HttpAuth('none');
  }

  /** @internal */
  public readonly _mode: 'iam' | 'secret' | 'none';

  /** @internal */
  public readonly _secret?: secretsmanager.ISecret;

  private constructor(mode: 'iam' | 'secret' | 'none', secret?: secretsmanager.ISecret) {
    this._mode = mode;
    this._secret = secret;
  }
}

/** Creates a secret with a user name and a generated password in `scope`. */
export function newHttpSecret(scope: Construct, username: string, description: string): secretsmanager.Secret {
  return new secretsmanager.Secret(scope, 'HttpSecret', {
    description,
    generateSecretString: {
      secretStringTemplate: JSON.stringify({ username }),
      generateStringKey: 'password',
      passwordLength: 40,
      // Clients may send it in a URL.
      excludePunctuation: true,
    },
  });
}
