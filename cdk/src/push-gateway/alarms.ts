/** Creates the alarms of a push gateway. */
import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { isElsewhere, isOtherAccount } from '../shared/elsewhere';
import { allowAlarms } from '../shared/topics';
import { duration, integer, validate } from '../shared/validate';
import { warn } from '../shared/warnings';
import { HttpEndpoints } from './http-endpoints';
import { ageOfOldestMessage, visibleMessages } from './metrics';
import { GatewayParts } from './parts';

/**
 * Thresholds of the alarms of a push gateway, and additional topics.
 */
export interface PushGatewayAlarmOptions {
  /**
   * More topics that get the notifications.
   *
   * @default - none
   */
  readonly furtherTopics?: sns.ITopic[];

  /**
   * Number of dead letters that raises the alarm: 1 or more. Raise it if a few are normal.
   *
   * @default 1
   */
  readonly deadLettersThreshold?: number;

  /**
   * Age of the oldest message in the queue that raises the alarm. Raise it if producers send bursts that take longer.
   *
   * The default is half of the default out-of-order time window, so there is time left to react before AMP rejects
   * samples.
   *
   * @default Duration.minutes(5)
   */
  readonly maxAgeOfOldestMessage?: Duration;

  /**
   * Number of failed invocations within 5 minutes that raises the alarm: 1 or more. Raise it if producers that invoke
   * the function directly sometimes send invalid events.
   *
   * @default 1
   */
  readonly errorsThreshold?: number;

  /**
   * Number of throttled invocations within 5 minutes that raises the alarm: 1 or more. Raise it if you limit concurrency
   * on purpose, so that messages wait in the queue.
   *
   * @default 1
   */
  readonly throttlesThreshold?: number;

  /**
   * Number of samples discarded by AMP within 5 minutes that raises the alarm: 1 or more. Raise it if other writers to the
   * workspace regularly lose some.
   *
   * @default 1
   */
  readonly discardedSamplesThreshold?: number;

  /**
   * Number of answers of an HTTP endpoint with a status of 400 to 499 within 5 minutes that raises the alarm: 1 or more.
   * They are pushes that are invalid, not authenticated or above a limit. Lower it if the endpoint is private.
   *
   * The default leaves room for the scanners of the internet, which find every public endpoint.
   *
   * @default 50
   */
  readonly clientErrorsThreshold?: number;

  /**
   * Number of answers of an HTTP endpoint with a status of 500 to 599 within 5 minutes that raises the alarm: 1 or more.
   * Clients do not repeat such pushes.
   *
   * @default 1
   */
  readonly serverErrorsThreshold?: number;
}

/**
 * The alarms of a push gateway, for further changes.
 */
export interface PushGatewayAlarms {
  /** There are dead letters. */
  readonly deadLetters: cloudwatch.Alarm;
  /** The oldest message has waited too long: the function is too slow or cannot write. Undefined without a queue. */
  readonly ageOfOldestMessage?: cloudwatch.Alarm;
  /** Invocations fail: direct invocations, or the function itself. */
  readonly errors: cloudwatch.Alarm;
  /** Invocations are throttled: the account or the function has no concurrency left. */
  readonly throttles: cloudwatch.Alarm;
  /**
   * AMP discards samples of this gateway or of another writer to the workspace. Undefined if the workspace is in another
   * region or account, which an alarm of this stack cannot watch.
   */
  readonly discardedSamples?: cloudwatch.Alarm;
  /** An HTTP endpoint rejects requests. One for each endpoint that was added before the alarms. */
  readonly clientErrors: cloudwatch.Alarm[];
  /** An HTTP endpoint fails. One for each endpoint that was added before the alarms. */
  readonly serverErrors: cloudwatch.Alarm[];
}

/** Creates the alarms below `scope`. Each notifies the topics when it is raised and when it is over. */
export function alarms(
  scope: Construct,
  parts: GatewayParts,
  endpoints: HttpEndpoints,
  topic: sns.ITopic,
  options: PushGatewayAlarmOptions,
): PushGatewayAlarms {
  validate(scope, [
    threshold('deadLettersThreshold', options.deadLettersThreshold),
    duration('maxAgeOfOldestMessage', options.maxAgeOfOldestMessage, Duration.seconds(1), Duration.days(14)),
    threshold('errorsThreshold', options.errorsThreshold),
    threshold('throttlesThreshold', options.throttlesThreshold),
    threshold('discardedSamplesThreshold', options.discardedSamplesThreshold),
    threshold('clientErrorsThreshold', options.clientErrorsThreshold),
    threshold('serverErrorsThreshold', options.serverErrorsThreshold),
  ]);
  warnOfUnwatched(scope, parts);
  const { queue, deadLetterQueue, workspace } = parts;
  const below = new Construct(scope, 'Alarms');
  const topics = [topic, ...(options.furtherTopics ?? [])];
  for (const each of topics) allowAlarms(below, each);
  const notify = topics.map((each) => new actions.SnsAction(each));
  const alarm = (id: string, metric: cloudwatch.IMetric, threshold: number, alarmDescription: string) => {
    const made = new cloudwatch.Alarm(below, id, {
      metric,
      threshold,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: 1,
      // These metrics have no data while nothing happens.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      alarmDescription,
    });
    made.addAlarmAction(...notify);
    made.addOkAction(...notify);
    return made;
  };

  const clientErrors: cloudwatch.Alarm[] = [];
  const serverErrors: cloudwatch.Alarm[] = [];
  // Endpoints that are added later get alarms too.
  endpoints.forEach((endpoint) => {
    clientErrors.push(
      alarm(
        `${endpoint.id}ClientErrors`,
        endpoint.clientErrors,
        options.clientErrorsThreshold ?? 50,
        `The ${endpoint.title} of the push gateway rejects requests: invalid, not authenticated or too many. See the log.`,
      ),
    );
    serverErrors.push(
      alarm(
        `${endpoint.id}ServerErrors`,
        endpoint.serverErrors,
        options.serverErrorsThreshold ?? 1,
        `The ${endpoint.title} of the push gateway fails, and clients do not repeat their pushes. See the log.`,
      ),
    );
  });

  const period = Duration.minutes(1);
  const maxAge = options.maxAgeOfOldestMessage ?? Duration.minutes(5);
  return {
    deadLetters: alarm(
      'DeadLetters',
      visibleMessages(scope, deadLetterQueue, { period }),
      options.deadLettersThreshold ?? 1,
      'There are dead letters. Their attributes "reason" and "detail" say why they could not be written.',
    ),
    ageOfOldestMessage:
      queue &&
      alarm(
        'AgeOfOldestMessage',
        ageOfOldestMessage(scope, queue, { period }),
        maxAge.toSeconds(),
        'The oldest message has waited too long: the function does not keep up, or cannot write. See its log.',
      ),
    errors: alarm(
      'Errors',
      parts.function.metricErrors(),
      options.errorsThreshold ?? 1,
      'Invocations of the push gateway fail. See its log.',
    ),
    throttles: alarm(
      'Throttles',
      parts.function.metricThrottles(),
      options.throttlesThreshold ?? 1,
      'Invocations of the push gateway are throttled: there is no concurrency left for it.',
    ),
    discardedSamples: isElsewhere(workspace.env, scope)
      ? undefined
      : alarm(
          'DiscardedSamples',
          workspace.metricDiscardedSamples(),
          options.discardedSamplesThreshold ?? 1,
          'The workspace discards samples. The dimension "Reason" of its metric DiscardedSamples has the reason.',
        ),
    clientErrors,
    serverErrors,
  };
}

function threshold(prop: string, value: number | undefined) {
  return integer(prop, value, 1, Number.MAX_SAFE_INTEGER);
}

/** Warns of metrics that the alarms cannot watch: an alarm watches its own region, and with a query its own account. */
function warnOfUnwatched(scope: Construct, { deadLetterQueue, queue, workspace }: GatewayParts): void {
  const elsewhere = isElsewhere(workspace.env, scope);
  if (elsewhere) {
    warn(
      scope,
      'discardedSamplesUnwatched',
      `there is no alarm for discarded samples, because the workspace ${workspace.node.path} is in another region or account; ` +
        'create one there on metricDiscardedSamples',
    );
  } else if (elsewhere === undefined) {
    warn(
      scope,
      'discardedSamplesMaybeUnwatched',
      `the alarm for discarded samples works only if the workspace ${workspace.node.path} is in the region and account of the stack, ` +
        'which are not known at synthesis; set env of the stack',
    );
  }
  for (const each of [queue, deadLetterQueue]) {
    if (each && isOtherAccount(each.env, scope)) {
      warn(
        scope,
        'queueMaybeUnwatched',
        `the alarm for the queue ${each.node.path} works only if its account ${each.env.account} shares its metrics with this account ` +
          '(CloudWatch cross-account observability)',
      );
    }
  }
}
