/** Lets services publish to SNS topics, or warns with the statement to add if a policy cannot change. */
import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import { IConstruct } from 'constructs';
import { statementText, warn } from './warnings';

/**
 * Lets the CloudWatch alarms in the account and region of `scope` publish.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
 */
export function allowAlarms(scope: IConstruct, topic: sns.ITopic): void {
  const stack = Stack.of(scope);
  const arnFormat = ArnFormat.COLON_RESOURCE_NAME;
  allow(scope, topic, 'cloudwatch.amazonaws.com', ['sns:Publish'], {
    ArnLike: {
      'aws:SourceArn': stack.formatArn({ service: 'cloudwatch', resource: 'alarm', resourceName: '*', arnFormat }),
    },
    StringEquals: { 'aws:SourceAccount': stack.account },
  });
}

/**
 * Lets a workspace publish.
 *
 * @see https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-receiver-AMPpermission.html
 */
export function allowAlerts(scope: IConstruct, topic: sns.ITopic, workspaceArn: string, account: string): void {
  // The first statement of a topic replaces SNS's default policy, which lets alarms of the account publish.
  const hasDefaultPolicy = topic instanceof sns.Topic && topic.node.tryFindChild('Policy') === undefined;
  if (hasDefaultPolicy) allowAlarms(topic, topic);
  allow(scope, topic, 'aps.amazonaws.com', ['sns:GetTopicAttributes', 'sns:Publish'], {
    ArnEquals: { 'aws:SourceArn': workspaceArn },
    StringEquals: { 'aws:SourceAccount': account },
  });
}

function allow(
  scope: IConstruct,
  topic: sns.ITopic,
  service: string,
  actions: string[],
  conditions: iam.Conditions,
): void {
  const principals = [new iam.ServicePrincipal(service)];
  const publish = new iam.PolicyStatement({ principals, actions, resources: [topic.topicArn], conditions });
  if (!topic.addToResourcePolicy(publish).statementAdded) {
    warn(
      scope,
      'topicPolicy',
      `the policy of the topic ${topic.node.path} cannot change because the topic is imported, and must let ${service} publish; ` +
        `add to it: ${statementText(scope, publish)}`,
    );
  }
  const key = topic.masterKey;
  if (!key) return;
  // https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
  const use = new iam.PolicyStatement({
    principals,
    actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
    resources: ['*'],
  });
  if (!key.addToResourcePolicy(use, true).statementAdded) {
    warn(
      scope,
      'topicKeyPolicy',
      `the policy of the key ${key.node.path} cannot change because the key is imported, and must let ${service} use it ` +
        `for the topic ${topic.node.path}; add to it: ${statementText(scope, use)}`,
    );
  }
}
