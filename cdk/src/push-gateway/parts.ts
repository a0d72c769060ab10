import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { IPrometheusWorkspace } from '../workspace';

/** The parts of a push gateway, which its alarms, dashboard, metrics and IoT rules use. */
export interface GatewayParts {
  readonly function: lambda.Function;
  /** Undefined if the function is only invoked directly. */
  readonly queue?: sqs.IQueue;
  readonly deadLetterQueue: sqs.IQueue;
  readonly workspace: IPrometheusWorkspace;
}
