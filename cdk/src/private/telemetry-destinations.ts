/** The destinations of telemetry: what each is → the variables that the extension reads, and the grants it needs. */
import { Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { IPrometheusWorkspace } from '../prometheus-workspace-base';
import type { PushgatewayDestinationOptions } from '../telemetry-destination';
import { checked, grantSend } from './grants';
import { Problem } from './validate';

/** A destination, as far as functions that send to it have to know it. */
export interface DestinationSettings {
  readonly variables: Readonly<Record<string, string>>;
  /** Other variables that the extension reads with this destination, so that they are no one else's. */
  readonly reads: readonly string[];
  readonly problems: Problem[];
  /** What is allowed, but risky: an identifier and a text. */
  readonly warning?: readonly [string, string];
  /** A function whose telemetry cannot go there, because its telemetry would be its own work. */
  readonly worksHere?: lambda.IFunction;
  readonly grant: (grantee: lambda.Function) => void;
}

export function toWorkspace(workspace: IPrometheusWorkspace): DestinationSettings {
  return {
    variables: { TELEMETRY_REMOTE_WRITE_URL: workspace.remoteWriteUrl },
    // Requests to AMP are always signed, which is the extension's default.
    reads: ['TELEMETRY_REMOTE_WRITE_AUTH'],
    problems: [],
    grant: (grantee) => void workspace.grantRemoteWrite(grantee),
  };
}

export function toQueue(queue: sqs.IQueue, worksHere: lambda.IFunction): DestinationSettings {
  return {
    variables: { TELEMETRY_QUEUE_URL: queue.queueUrl },
    reads: [],
    problems: [],
    worksHere,
    grant: (grantee) => grantSend(grantee, queue, grantee),
  };
}

export function toFunction(fn: lambda.IFunction): DestinationSettings {
  return {
    variables: { TELEMETRY_FUNCTION: fn.functionArn },
    reads: [],
    problems: [],
    // Of an alias or a version the function itself.
    worksHere: (fn as Partial<lambda.IVersion>).lambda ?? fn,
    grant: (grantee) => {
      // Not `grantInvoke`, which also allows every version and alias.
      const actions = ['lambda:InvokeFunction'];
      checked(grantee, grantee, iam.Grant.addToPrincipal({ grantee, actions, resourceArns: [fn.functionArn] }));
    },
  };
}

export function toPushgateway({ url, authSecret, deleteOnShutdown }: PushgatewayDestinationOptions): DestinationSettings {
  return {
    variables: {
      GATEWAY: url,
      ...(authSecret && { AUTH_SECRET: authSecret.secretArn }),
      ...(deleteOnShutdown && { DELETE_ON_SHUTDOWN: 'true' }),
    },
    reads: ['AUTH_SECRET', 'DELETE_ON_SHUTDOWN'],
    problems: [
      // Not with the value, which may be one with a password.
      Token.isUnresolved(url) || /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(url)
        ? undefined
        : 'url must be the URL of a Pushgateway, http:// or https://, without a query, a fragment and a user name',
    ],
    warning:
      authSecret && url.startsWith('http://')
        ? ['authSecretWithoutTls', 'the password in authSecret is sent unencrypted, because url begins with http://; use https://']
        : undefined,
    grant: (grantee) => authSecret && grantSecret(authSecret, grantee),
  };
}

/** As `ISecret.grantRead`, without `secretsmanager:DescribeSecret`. */
function grantSecret(secret: secretsmanager.ISecret, grantee: lambda.Function): void {
  const read = iam.Grant.addToPrincipalOrResource({
    grantee,
    actions: ['secretsmanager:GetSecretValue'],
    // The ARN of a secret that was imported by its name lacks the six characters at its end.
    resourceArns: [secret.secretFullArn ?? `${secret.secretArn}-??????`],
    resource: secret,
  });
  checked(grantee, grantee, read);
  if (!secret.encryptionKey) return;
  // Not by the key's policy, which cannot be added to if the key is imported.
  const decrypt = iam.Grant.addToPrincipal({
    grantee,
    actions: ['kms:Decrypt'],
    resourceArns: [secret.encryptionKey.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': `secretsmanager.${secret.env.region}.amazonaws.com` } },
  });
  checked(grantee, grantee, decrypt);
}
