/** Creates the function of a push gateway. */
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { logLevelOf, newFunction } from '../shared/function';
import { grantSend } from '../shared/grants';
import { Settings } from './defaults';
import { PrometheusPushGatewayProps } from './push-gateway-props';
import { loggingOf } from './variables';

/** Creates the function in `scope`. By default its failed asynchronous invocations go to `deadLetterQueue`. */
export function pushFunction(
  scope: Construct,
  props: PrometheusPushGatewayProps,
  settings: Settings,
  deadLetterQueue: sqs.IQueue,
): lambda.Function {
  const { logLevel, environment } = loggingOf(logLevelOf(props));
  return newFunction(scope, {
    ...props,
    logLevel,
    artifact: 'push-gateway',
    roleDescription: 'Role of the push gateway function',
    ownEnvironment: environment,
    description: 'Writes metrics to Amazon Managed Service for Prometheus',
    handler: 'bootstrap',
    memorySize: settings.memorySize,
    timeout: settings.timeout,
    asynchronous: {
      onFailure: props.onFailure ?? (deadLetterQueue.fifo ? undefined : destinationOf(deadLetterQueue)),
      retryAttempts: settings.retryAttempts,
      maxEventAge: settings.maxEventAge,
    },
  });
}

/** Like `SqsDestination` of aws-lambda-destinations, but with only the action that is needed. */
function destinationOf(queue: sqs.IQueue): lambda.IDestination {
  return {
    bind: (_scope, fn) => {
      grantSend(fn, queue, fn);
      return { destination: queue.queueArn };
    },
  };
}
