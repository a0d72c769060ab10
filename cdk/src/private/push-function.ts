/** The function: props → a Lambda function whose role may do what it needs and nothing else. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { PrometheusPushGatewayProps } from '../push-gateway-props';
import type { Defaults } from './defaults';
import { loggingOf } from './environment';
import { functionRole } from './function-role';
import { grantSend } from './grants';
import { shippedCode } from './shipped-code';

/** Makes the function in `scope`. What failed asynchronous invokes leave goes to `deadLetterQueue` by default. */
export function pushFunction(
  scope: Construct,
  props: PrometheusPushGatewayProps,
  { architecture, timeout }: Defaults,
  deadLetterQueue: sqs.IQueue,
): lambda.Function {
  const logGroup =
    props.logGroup ??
    new logs.LogGroup(scope, 'LogGroup', {
      retention: props.logRetention ?? logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  const { applicationLogLevel, environment } = loggingOf(props.logLevel ?? lambda.ApplicationLogLevel.INFO);

  const role = functionRole(scope, 'Role of the push gateway function', logGroup, props.vpc);
  props.environmentEncryption?.grant(role, 'kms:Decrypt');

  return new lambda.Function(scope, 'Function', {
    functionName: props.functionName,
    description: 'Writes metrics to Amazon Managed Service for Prometheus',
    runtime: lambda.Runtime.PROVIDED_AL2023,
    handler: 'bootstrap',
    architecture,
    code: props.code ?? shippedCode('push-gateway', architecture),
    memorySize: props.memorySize ?? 128,
    timeout,
    reservedConcurrentExecutions: props.reservedConcurrentExecutions,
    role,
    logGroup,
    loggingFormat: lambda.LoggingFormat.JSON,
    applicationLogLevelV2: applicationLogLevel,
    tracing: props.tracing ?? lambda.Tracing.DISABLED,
    vpc: props.vpc,
    vpcSubnets: props.vpcSubnets,
    securityGroups: props.securityGroups,
    environment: { ...environment, ...props.environment },
    environmentEncryption: props.environmentEncryption,
    onFailure: props.onFailure ?? (deadLetterQueue.fifo ? undefined : destinationOf(deadLetterQueue)),
    retryAttempts: props.retryAttempts ?? 2,
    maxEventAge: props.maxEventAge ?? Duration.hours(1),
  });
}

/** As `SqsDestination` of aws-lambda-destinations, with the one action that is needed. */
function destinationOf(queue: sqs.IQueue): lambda.IDestination {
  return {
    bind: (_scope, fn) => {
      grantSend(fn, queue, fn);
      return { destination: queue.queueArn };
    },
  };
}
