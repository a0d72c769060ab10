/** The alarms: what a person has to look at. */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { PrometheusPushGateway } from '../push-gateway';
import type { PushGatewayAlarmOptions, PushGatewayAlarms } from '../push-gateway-alarms';
import { isElsewhere, isOtherAccount } from './elsewhere';
import { allowAlarms } from './topics';
import { duration, integer, validate } from './validate';
import { warn } from './warnings';

/** Makes the alarms, each of which notifies the topics when it goes off and when it is over. */
export function alarms(
  gateway: PrometheusPushGateway,
  topic: sns.ITopic,
  options: PushGatewayAlarmOptions,
): PushGatewayAlarms {
  validate(gateway, [
    threshold('deadLettersThreshold', options.deadLettersThreshold),
    duration('maxAgeOfOldestMessage', options.maxAgeOfOldestMessage, Duration.seconds(1), Duration.days(14)),
    threshold('errorsThreshold', options.errorsThreshold),
    threshold('throttlesThreshold', options.throttlesThreshold),
    threshold('discardedSamplesThreshold', options.discardedSamplesThreshold),
  ]);
  warnOfBlindSpots(gateway);
  const scope = new Construct(gateway, 'Alarms');
  const topics = [topic, ...(options.furtherTopics ?? [])];
  for (const each of topics) allowAlarms(scope, each);
  const notify = topics.map((each) => new actions.SnsAction(each));
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
    made.addAlarmAction(...notify);
    made.addOkAction(...notify);
    return made;
  };

  const maxAge = options.maxAgeOfOldestMessage ?? Duration.minutes(5);
  const age = gateway.queue && gateway.metricApproximateAgeOfOldestMessage({ period: Duration.minutes(1) });
  return {
    deadLetters: alarm(
      'DeadLetters',
      gateway.metricDeadLetters({ period: Duration.minutes(1) }),
      options.deadLettersThreshold ?? 1,
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
    errors: alarm(
      'Errors',
      gateway.metricErrors(),
      options.errorsThreshold ?? 1,
      'Invocations of the push gateway fail. See its log.',
    ),
    throttles: alarm(
      'Throttles',
      gateway.metricThrottles(),
      options.throttlesThreshold ?? 1,
      'Invocations of the push gateway are throttled: there is no concurrency left for it.',
    ),
    discardedSamples: isElsewhere(gateway.workspace.env, gateway)
      ? undefined
      : alarm(
          'DiscardedSamples',
          gateway.workspace.metricDiscardedSamples(),
          options.discardedSamplesThreshold ?? 1,
          'The workspace discards samples. The dimension "Reason" of its metric DiscardedSamples says why.',
        ),
  };
}

function threshold(prop: string, value: number | undefined) {
  return integer(prop, value, 1, Number.MAX_SAFE_INTEGER);
}

/** An alarm sees metrics of its own region and, with a query, of its own account. */
function warnOfBlindSpots(gateway: PrometheusPushGateway): void {
  const { deadLetterQueue, queue, workspace } = gateway;
  const elsewhere = isElsewhere(workspace.env, gateway);
  if (elsewhere) {
    warn(
      gateway,
      'discardedSamplesUnwatched',
      `there is no alarm for discarded samples, because the workspace ${workspace.node.path} is in another region or account; ` +
        'make one there on metricDiscardedSamples',
    );
  } else if (elsewhere === undefined) {
    warn(
      gateway,
      'discardedSamplesMaybeUnwatched',
      `the alarm for discarded samples works only if the workspace ${workspace.node.path} is in the region and account of the stack, ` +
        'which are not known at synthesis; set env of the stack',
    );
  }
  for (const each of [queue, deadLetterQueue]) {
    if (each && isOtherAccount(each.env, gateway)) {
      warn(
        gateway,
        'queueMaybeUnwatched',
        `the alarm for the queue ${each.node.path} works only if its account ${each.env.account} shares its metrics with this account ` +
          '(CloudWatch cross-account observability)',
      );
    }
  }
}
