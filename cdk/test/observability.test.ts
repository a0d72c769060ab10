import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as sns from 'aws-cdk-lib/aws-sns';
import {
  PrometheusPushGateway,
  PushGatewayAlarmOptions,
  PushGatewayAlarms,
} from 'cdk-serverless-prometheus-push-gateway';
import { documentedInReadme, gatewayTemplate, newGateway, newStack, only } from './support';

const ALARM = 'AWS::CloudWatch::Alarm';

function withAlarms(options?: PushGatewayAlarmOptions, props = {}): { alarms: PushGatewayAlarms; template: Template } {
  const stack = newStack();
  const alarms = newGateway(stack, props).addAlarms(new sns.Topic(stack, 'Topic'), options);
  return { alarms, template: Template.fromStack(stack) };
}

/** The metrics that the function publishes. */
function ownMetrics(gateway: PrometheusPushGateway): cloudwatch.Metric[] {
  return [
    gateway.metricEvents(),
    gateway.metricSamples(),
    gateway.metricInvalidEvents(),
    gateway.metricRejectedEvents(),
    gateway.metricFailedEvents(),
    gateway.metricDeduplicatedEvents(),
    gateway.metricSpilledEvents(),
    gateway.metricWriteRequests(),
    gateway.metricWriteRetries(),
    gateway.metricWriteLatency(),
  ];
}

test('there is a method for each documented metric', () => {
  const sentence = documentedInReadme(
    /in the namespace `PrometheusPushGateway` with the dimension `FunctionName`: ([^.]*)\./,
  );
  const documented = [...sentence.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  const metrics = ownMetrics(newGateway(newStack()));
  assert.deepEqual(metrics.map(({ metricName }) => metricName).sort(), documented.sort());
});

test('metrics of the function are sums, latency is an average', () => {
  const stack = newStack();
  const gateway = newGateway(stack);
  for (const metric of ownMetrics(gateway)) {
    assert.equal(metric.namespace, 'PrometheusPushGateway');
    assert.deepEqual(metric.dimensions, { FunctionName: gateway.function.functionName });
    assert.equal(metric.statistic, metric.metricName === 'WriteLatency' ? 'Average' : 'Sum', metric.metricName);
    assert.equal(metric.period.toMinutes(), 5);
  }
  const p99 = gateway.metricWriteLatency({ statistic: 'p99', period: Duration.minutes(1) });
  assert.equal(p99.statistic, 'p99');
  assert.equal(p99.period.toMinutes(), 1);
});

test('errors, throttles and queues use metrics of AWS', () => {
  const gateway = newGateway(newStack());
  const names = [
    gateway.metricErrors(),
    gateway.metricThrottles(),
    gateway.metricApproximateAgeOfOldestMessage(),
    gateway.metricDeadLetters(),
  ].map(({ namespace, metricName, statistic }) => [namespace, metricName, statistic].join(' '));
  assert.deepEqual(names, [
    'AWS/Lambda Errors Sum',
    'AWS/Lambda Throttles Sum',
    'AWS/SQS ApproximateAgeOfOldestMessage Maximum',
    'AWS/SQS ApproximateNumberOfMessagesVisible Maximum',
  ]);
});

test('there is an alarm for each kind of loss or delay', () => {
  const { template } = withAlarms();
  template.resourceCountIs(ALARM, 5);
  template.allResourcesProperties(ALARM, {
    AlarmActions: [{ Ref: Match.stringLikeRegexp('^Topic') }],
    OKActions: [{ Ref: Match.stringLikeRegexp('^Topic') }],
    AlarmDescription: Match.stringLikeRegexp('\\.$'),
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    EvaluationPeriods: 1,
    TreatMissingData: 'notBreaching',
  });
  const queue = (id: string) => [
    { Name: 'QueueName', Value: { 'Fn::GetAtt': [Match.stringLikeRegexp(id), 'QueueName'] } },
  ];
  template.hasResourceProperties(ALARM, {
    Dimensions: queue('^MetricsDeadLetterQueue'),
    MetricName: 'ApproximateNumberOfMessagesVisible',
    Period: 60,
    Statistic: 'Maximum',
    Threshold: 1,
  });
  template.hasResourceProperties(ALARM, {
    Dimensions: queue('^MetricsQueue'),
    MetricName: 'ApproximateAgeOfOldestMessage',
    Period: 60,
    Statistic: 'Maximum',
    Threshold: 300,
  });
  for (const MetricName of ['Errors', 'Throttles']) {
    template.hasResourceProperties(ALARM, {
      MetricName,
      Namespace: 'AWS/Lambda',
      Period: 300,
      Statistic: 'Sum',
      Threshold: 1,
    });
  }
  template.hasResourceProperties(ALARM, {
    Metrics: [
      {
        Expression: {
          'Fn::Join': [
            '',
            [
              `SELECT SUM(DiscardedSamples) FROM "AWS/Prometheus" WHERE Workspace = '`,
              { 'Fn::GetAtt': [Match.stringLikeRegexp('^MetricsWorkspace'), 'WorkspaceId'] },
              `'`,
            ],
          ],
        },
        Period: 300,
      },
    ],
    Threshold: 1,
  });
});

test('without a queue there is no alarm on its age', () => {
  const { alarms, template } = withAlarms({}, { directInvokeOnly: true });
  template.resourceCountIs(ALARM, 4);
  assert.equal(alarms.ageOfOldestMessage, undefined);
});

test('fails if maxAgeOfOldestMessage is 0', () => {
  assert.throws(() => withAlarms({ maxAgeOfOldestMessage: Duration.seconds(0) }), {
    message: 'Stack/Metrics: maxAgeOfOldestMessage: expected whole seconds between 1 s and 1209600 s, got 0 s',
  });
});

/** The body of the dashboard as text. */
function dashboardBody(props = {}): string {
  const template = gatewayTemplate(props, (gateway) => {
    const dashboard = gateway.addDashboard({ dashboardName: 'push-gateway' });
    assert.ok(Stack.of(dashboard));
  });
  const { DashboardBody, DashboardName } = only(template, 'AWS::CloudWatch::Dashboard');
  assert.equal(DashboardName, 'push-gateway');
  return JSON.stringify(DashboardBody);
}

test('the dashboard shows every metric', () => {
  const body = dashboardBody();
  for (const name of [
    ...ownMetrics(newGateway(newStack())).map(({ metricName }) => metricName),
    'Invocations',
    'Errors',
    'Throttles',
    'Duration',
    'ApproximateAgeOfOldestMessage',
    'ApproximateNumberOfMessagesVisible',
    'DiscardedSamples',
    'IngestionRate',
    'ActiveSeries',
    'OutOfOrderSampleAge',
  ]) {
    assert.ok(body.includes(name), name);
  }
});

test('without a queue the dashboard shows concurrency', () => {
  const body = dashboardBody({ directInvokeOnly: true });
  assert.equal(body.includes('ApproximateAgeOfOldestMessage'), false);
  assert.ok(body.includes('ConcurrentExecutions'));
});
