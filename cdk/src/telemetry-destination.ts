import * as aps from 'aws-cdk-lib/aws-aps';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { workspaceOf } from './private/imported-workspace';
import {
  DestinationSettings,
  toFunction,
  toPushgateway,
  toQueue,
  toWorkspace,
} from './private/telemetry-destinations';
import { PrometheusPushGateway } from './push-gateway';

/**
 * A Pushgateway that telemetry is pushed to.
 */
export interface PushgatewayDestinationOptions {
  /**
   * The URL of the Pushgateway: `http://` or `https://`, with a path if it has one, but without a query, a fragment and
   * a user name.
   */
  readonly url: string;

  /**
   * The secret for basic authentication: a JSON object with `username` and `password`. It is read when it is first
   * needed. Set it if the Pushgateway asks for a password. With a `url` that begins with `http://`, a warning says that the
   * password is sent unencrypted.
   *
   * @default - requests carry no password
   */
  readonly authSecret?: secretsmanager.ISecret;

  /**
   * Whether an execution environment that ends deletes its group from the Pushgateway. Its last values may then never
   * be scraped. Set it if nothing else ever cleans the Pushgateway.
   *
   * @default false
   */
  readonly deleteOnShutdown?: boolean;
}

/**
 * Where the telemetry of functions goes.
 */
export class TelemetryDestination {
  /**
   * A workspace, by remote write, which is the most direct way: nothing else is invoked, and the series of an execution
   * environment end with it. The functions get:
   *
   *  - `aps:RemoteWrite` on the workspace
   *
   * @param workspace the workspace: a `PrometheusWorkspace`, or any other construct of one, such as `aps.CfnWorkspace`
   */
  public static workspace(workspace: aps.IWorkspaceRef): TelemetryDestination {
    return new TelemetryDestination(toWorkspace(workspaceOf(workspace)));
  }

  /**
   * The queue of a push gateway, or its function if it has none. It is for functions that can reach SQS but not the
   * workspace. Series go stale by themselves there, five minutes after the end of an environment. The functions get:
   *
   *  - `sqs:SendMessage` on the queue, and `kms:Decrypt` and `kms:GenerateDataKey` on its key if it has one
   *  - `lambda:InvokeFunction` on the function instead if there is no queue
   *
   * @param gateway the push gateway, but not for its own function: each dispatch would be an invocation with telemetry
   * of its own
   */
  public static gateway(gateway: PrometheusPushGateway): TelemetryDestination {
    return new TelemetryDestination(gateway.queue ? toQueue(gateway.queue, gateway.function) : toFunction(gateway.function));
  }

  /**
   * The function of a push gateway, which is invoked asynchronously. The functions get:
   *
   *  - `lambda:InvokeFunction` on the function
   *
   * @param fn the function of a push gateway; an alias or a version of it too
   */
  public static function(fn: lambda.IFunction): TelemetryDestination {
    return new TelemetryDestination(toFunction(fn));
  }

  /**
   * A Pushgateway. Its Prometheus needs `honor_labels: true`. The functions get, if there is a secret:
   *
   *  - `secretsmanager:GetSecretValue` on the secret, and `kms:Decrypt` on its key if it has one of yours
   *
   * @param options where it is, and how it is used
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
