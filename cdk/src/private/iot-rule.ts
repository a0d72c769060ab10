/** IoT rules: options → a rule with the role or the permission that its action needs. */
import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as iot from 'aws-cdk-lib/aws-iot';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { IotRuleOptions, IotRuleVia } from '../iot-rule-options';
import type { PrometheusPushGateway } from '../push-gateway';
import { grantSend } from './grants';
import { not, text, validate } from './validate';
import { warn } from './warnings';

/** Identifiers below the gateway that are taken, or are as soon as a prop or a method is used. */
const TAKEN = [
  'Alarms',
  'Dashboard',
  'DeadLetterQueue',
  'Default',
  'Function',
  'LogGroup',
  'Queue',
  'Resource',
  'Role',
  'Workspace',
];

/** Adds a rule to `gateway`, and warns where messages can be lost. */
export function iotRule(
  gateway: PrometheusPushGateway,
  id: string,
  options: IotRuleOptions,
  losesFailedInvokes: boolean,
): iot.CfnTopicRule {
  const { queue, deadLetterQueue } = gateway;
  const standardQueue = queue?.fifo === false ? queue : undefined;
  const via = options.via ?? (standardQueue ? IotRuleVia.QUEUE : IotRuleVia.FUNCTION);
  validate(gateway, [
    not(TAKEN.includes(id), `id: expected an identifier that no part of the gateway has, got "${id}"`),
    not(!TAKEN.includes(id) && gateway.node.tryFindChild(id) !== undefined, `id: expected an identifier that no other rule has, got "${id}"`),
    text('sql', options.sql, /\S/, 'a SQL statement'),
    text('ruleName', options.ruleName, /^[a-zA-Z0-9_]{1,128}$/, '1 to 128 letters, digits and underscores'),
    not(
      via === IotRuleVia.QUEUE && !standardQueue,
      `via must be FUNCTION, because ${queue ? 'IoT Core cannot send to a FIFO queue' : 'there is no queue'}, but is QUEUE`,
    ),
  ]);

  const scope = new Construct(gateway, id);
  const stack = Stack.of(gateway);
  // One role for both actions, and none where neither needs it.
  let role: iam.Role | undefined;
  const roleFor = (target: sqs.IQueue) => {
    role ??= new iam.Role(scope, 'Role', {
      description: 'Role of an IoT rule that feeds the push gateway',
      // Without the conditions, rules of any account could use the role:
      // https://docs.aws.amazon.com/iot/latest/developerguide/iot-create-role.html
      // A name that CloudFormation makes is known too late for the role, which has to be there before the rule.
      assumedBy: new iam.ServicePrincipal('iot.amazonaws.com', {
        conditions: {
          ArnLike: {
            'aws:SourceArn': stack.formatArn({ service: 'iot', resource: 'rule', resourceName: options.ruleName ?? '*' }),
          },
          StringEquals: { 'aws:SourceAccount': stack.account },
        },
      }),
    });
    grantSend(scope, target, role);
    return role;
  };
  const sendTo = (target: sqs.IQueue): iot.CfnTopicRule.ActionProperty => ({
    sqs: { queueUrl: target.queueUrl, roleArn: roleFor(target).roleArn, useBase64: false },
  });

  const action =
    via === IotRuleVia.QUEUE ? sendTo(standardQueue!) : { lambda: { functionArn: gateway.function.functionArn } };
  const errorAction = options.errorAction ?? (deadLetterQueue.fifo ? undefined : sendTo(deadLetterQueue));
  if (!errorAction) {
    warn(
      scope,
      'iotRuleWithoutErrorAction',
      'messages that the rule cannot pass on are lost: the dead-letter queue is a FIFO queue, which IoT Core cannot send to; set errorAction',
    );
  }
  if (via === IotRuleVia.FUNCTION && losesFailedInvokes) {
    warn(
      scope,
      'iotRuleWithoutOnFailure',
      'messages for which the function fails are lost: the dead-letter queue is a FIFO queue, which Lambda cannot send to; set onFailure of the gateway',
    );
  }

  const rule = new iot.CfnTopicRule(scope, 'Resource', {
    ruleName: options.ruleName,
    topicRulePayload: {
      sql: options.sql,
      // The default, 2015-10-08, knows no object literals, which events are written with.
      awsIotSqlVersion: '2016-03-23',
      description: options.description,
      ruleDisabled: options.enabled === false,
      actions: [action],
      errorAction,
    },
  });
  if (role) rule.node.addDependency(role);
  if (via === IotRuleVia.FUNCTION) {
    gateway.function.addPermission('Invoke', {
      // Not below the function, which gateways can share.
      scope,
      principal: new iam.ServicePrincipal('iot.amazonaws.com'),
      sourceArn: rule.attrArn,
      sourceAccount: stack.account,
    });
  }
  return rule;
}
