/** Destinations of telemetry, with the variables and permissions that each requires. */
import { Token } from 'aws-cdk-lib';
import * as aps from 'aws-cdk-lib/aws-aps';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { PrometheusPushGateway } from '../push-gateway';
import { checked, grantSecret, grantSend } from '../shared/grants';
import { Problem } from '../shared/validate';
import { IPrometheusWorkspace } from '../workspace';
import { workspaceOf } from '../workspace/imported-workspace';

/** The requirements of a destination on the functions that send to it. */
export interface DestinationSettings {
  readonly variables: Readonly<Record<string, string>>;
  /** Other variables that the extension reads for this destination, which functions must not use for other purposes. */
  readonly reads: readonly string[];
  readonly problems: Problem[];
  /** The identifier and text of a warning. */
  readonly warning?: readonly [string, string];
  /** The function behind the destination, which cannot send its own telemetry there. */
  readonly receiver?: lambda.IFunction;
  readonly grant: (grantee: lambda.Function) => void;
}

/**
 * A Pushgateway that receives telemetry.
 */
export interface PushgatewayDestinationOptions {
  /**
   * URL of the Pushgateway: `http://` or `https://`, optionally with a path, without a user name, query or fragment.
   */
  readonly url: string;

  /**
   * Secret for basic authentication: a JSON object with `username` and `password`, which is read when it is first needed.
   * Set it if the Pushgateway requires a password. A `url` that begins with `http://` gives a warning, because the
   * password is sent unencrypted.
   *
   * @default - no authentication
   */
  readonly authSecret?: secretsmanager.ISecret;

  /**
   * Whether an execution environment deletes its group from the Pushgateway when it ends. Its last values may then never
   * be scraped. Set it if nothing else removes old groups.
   *
   * @default false
   */
  readonly deleteOnShutdown?: boolean;
}

/**
 * The destination of the telemetry of functions.
 */
export class TelemetryDestination {
  /**
   * A workspace, by remote write. This is the most direct destination: it invokes no other function, and the series of an
   * execution environment end with it. The functions get:
   *
   *  - `aps:RemoteWrite` on the workspace
   *
   * @param workspace a `PrometheusWorkspace`, or the construct of another library, such as `aps.CfnWorkspace`
   */
  public static workspace(workspace: aps.IWorkspaceRef): TelemetryDestination {
    return new TelemetryDestination(toWorkspace(workspaceOf(workspace)));
  }

  /**
   * The queue of a push gateway, or its function if it has no queue. Use it for functions that can reach SQS but not the
   * workspace. Series go stale five minutes after the end of an execution environment. The functions get:
   *
   *  - `sqs:SendMessage` on the queue, and `kms:Decrypt` and `kms:GenerateDataKey` on its key if it has one
   *  - `lambda:InvokeFunction` on the function instead if there is no queue
   *
   * @param gateway the push gateway. Its own function cannot use it, because each dispatch would cause an invocation with
   * more telemetry
   */
  public static gateway(gateway: PrometheusPushGateway): TelemetryDestination {
    return new TelemetryDestination(
      gateway.queue ? toQueue(gateway.queue, gateway.function) : toFunction(gateway.function),
    );
  }

  /**
   * The function of a push gateway, by asynchronous invocation. The functions get:
   *
   *  - `lambda:InvokeFunction` on the function
   *
   * @param fn the function of a push gateway, or an alias or version of it
   */
  public static function(fn: lambda.IFunction): TelemetryDestination {
    return new TelemetryDestination(toFunction(fn));
  }

  /**
   * A Pushgateway. The Prometheus server that scrapes it needs `honor_labels: true`. If there is a secret, the functions
   * get:
   *
   *  - `secretsmanager:GetSecretValue` on the secret, and `kms:Decrypt` on its key if you own it
   *
   * @param options its URL and settings
   */
  public static pushgateway(options: PushgatewayDestinationOptions): TelemetryDestination {
    return new TelemetryDestination(toPushgateway(options));
  }

  /** @internal */
  public readonly _settings: DestinationSettings;

  private constructor(settings: DestinationSettings) {
    this._settings = settings;
  }
}

function toWorkspace(workspace: IPrometheusWorkspace): DestinationSettings {
  return {
    variables: { TELEMETRY_REMOTE_WRITE_URL: workspace.remoteWriteUrl },
    // Requests to AMP are always signed, which is the default of the extension.
    reads: ['TELEMETRY_REMOTE_WRITE_AUTH'],
    problems: [],
    grant: (grantee) => void workspace.grantRemoteWrite(grantee),
  };
}

function toQueue(queue: sqs.IQueue, receiver: lambda.IFunction): DestinationSettings {
  return {
    variables: { TELEMETRY_QUEUE_URL: queue.queueUrl },
    reads: [],
    problems: [],
    receiver,
    grant: (grantee) => grantSend(grantee, queue, grantee),
  };
}

function toFunction(fn: lambda.IFunction): DestinationSettings {
  return {
    variables: { TELEMETRY_FUNCTION: fn.functionArn },
    reads: [],
    problems: [],
    // An alias or a version has the function as `lambda`.
    receiver: (fn as Partial<lambda.IVersion>).lambda ?? fn,
    grant: (grantee) => {
      // `grantInvoke` would also allow every version and alias.
      const actions = ['lambda:InvokeFunction'];
      checked(grantee, grantee, iam.Grant.addToPrincipal({ grantee, actions, resourceArns: [fn.functionArn] }));
    },
  };
}

function toPushgateway({ url, authSecret, deleteOnShutdown }: PushgatewayDestinationOptions): DestinationSettings {
  return {
    variables: {
      GATEWAY: url,
      ...(authSecret && { AUTH_SECRET: authSecret.secretArn }),
      ...(deleteOnShutdown && { DELETE_ON_SHUTDOWN: 'true' }),
    },
    reads: ['AUTH_SECRET', 'DELETE_ON_SHUTDOWN'],
    problems: [
      // Without the value, which may contain a password.
      Token.isUnresolved(url) || /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(url)
        ? undefined
        : 'url: expected an http:// or https:// URL without a user name, query or fragment',
    ],
    warning:
      authSecret && url.startsWith('http://')
        ? [
            'authSecretWithoutTls',
            'the password in authSecret is sent unencrypted, because url begins with http://; use https://',
          ]
        : undefined,
    grant: (grantee) => authSecret && grantSecret(authSecret, grantee),
  };
}
