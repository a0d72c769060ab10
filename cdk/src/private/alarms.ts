/** The alarms: what a person has to look at. */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { PrometheusPushGateway } from '../push-gateway';
import type { PushGatewayAlarmOptions, PushGatewayAlarms } from '../push-gateway-alarms';
import { duration, validate } from './validate';

/** Makes the alarms, each of which notifies `topic` when it goes off and when it is over. */
export function alarms(
  gateway: PrometheusPushGateway,
  topic: sns.ITopic,
  options: PushGatewayAlarmOptions,
): PushGatewayAlarms {
  validate(gateway, [
    duration('maxAgeOfOldestMessage', options.maxAgeOfOldestMessage, Duration.seconds(1), Duration.days(14)),
  ]);
  const scope = new Construct(gateway, 'Alarms');
  const action = new actions.SnsAction(topic);
  const alarm = (id: string, metric: cloudwatch.IMetric, threshold: number, alarmDescription: string) => {
    const made = new cloudwatch.Alarm(scope, id, {
      metric,
      threshold,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: 1,
      // These metrics are silent when all is well.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      alarmDescription,
    });
    made.addAlarmAction(action);
    made.addOkAction(action);
    return made;
  };

  const maxAge = options.maxAgeOfOldestMessage ?? Duration.minutes(5);
  const age = gateway.queue && gateway.metricApproximateAgeOfOldestMessage({ period: Duration.minutes(1) });
  return {
    deadLetters: alarm(
      'DeadLetters',
      gateway.metricDeadLetters({ period: Duration.minutes(1) }),
      1,
      'There are dead letters. Their attributes "reason" and "detail" say why they could not be written.',
    ),
    ageOfOldestMessage:
      age &&
      alarm(
        'AgeOfOldestMessage',
        age,
        maxAge.toSeconds(),
        'The oldest message has waited too long: the function does not keep up, or cannot write. See its log.',
      ),
    errors: alarm('Errors', gateway.metricErrors(), 1, 'Invocations of the push gateway fail. See its log.'),
    throttles: alarm(
      'Throttles',
      gateway.metricThrottles(),
      1,
      'Invocations of the push gateway are throttled: there is no concurrency left for it.',
    ),
    discardedSamples: alarm(
      'DiscardedSamples',
      gateway.workspace.metricDiscardedSamples(),
      1,
      'The workspace discards samples. The dimension "Reason" of its metric DiscardedSamples says why.',
    ),
  };
}
