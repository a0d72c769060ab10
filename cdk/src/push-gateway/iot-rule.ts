/** Creates IoT rules that send messages to a push gateway. */
import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as iot from 'aws-cdk-lib/aws-iot';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { grantSend } from '../shared/grants';
import { not, text, validate } from '../shared/validate';
import { warn } from '../shared/warnings';
import { GatewayParts } from './parts';

/**
 * The target of an IoT rule.
 */
export enum IotRuleVia {
  /** The SQS action: messages are buffered, batched and redelivered. */
  QUEUE = 'queue',
  /** The Lambda action: an asynchronous invocation for each message, which is faster. */
  FUNCTION = 'function',
}

/**
 * An IoT rule that sends messages to a push gateway.
 */
export interface IotRuleOptions {
  /**
   * SQL statement of the rule (version 2016-03-23). It must select an event, with `dimensions`, `timestamp` and
   * `metrics`.
   *
   * @see https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-reference.html
   */
  readonly sql: string;

  /**
   * Target of the messages.
   *
   * @default - the queue; the function if there is no queue or it is a FIFO queue, which IoT Core cannot send to
   */
  readonly via?: IotRuleVia;

  /**
   * Name of the rule: 1 to 128 letters, digits and underscores. It is part of Basic Ingest topics.
   *
   * @default - a generated name
   */
  readonly ruleName?: string;

  /**
   * Description of the rule in the console.
   *
   * @default - no description
   */
  readonly description?: string;

  /**
   * Whether the rule is enabled.
   *
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * Action for messages for which the action of the rule fails.
   *
   * @see https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html
   * @default - sending to the dead-letter queue; none if that is a FIFO queue
   */
  readonly errorAction?: iot.CfnTopicRule.ActionProperty;
}

/** Identifiers of the other children of a gateway, whether it has them or not. */
const TAKEN = [
  'Alarms',
  'AlbPermission',
  'AlbTarget',
  'Dashboard',
  'DeadLetterQueue',
  'Default',
  'Function',
  'FunctionUrl',
  'HttpApi',
  'HttpSecret',
  'LogGroup',
  'Queue',
  'Resource',
  'Role',
  'Workspace',
];

/**
 * Creates a rule below `gateway` and warns if messages can be lost.
 *
 * @param losesFailedInvocations whether failed asynchronous invocations have no destination
 */
export function iotRule(
  gateway: Construct,
  parts: GatewayParts,
  id: string,
  options: IotRuleOptions,
  losesFailedInvocations: boolean,
): iot.CfnTopicRule {
  const { queue, deadLetterQueue } = parts;
  const standardQueue = queue?.fifo === false ? queue : undefined;
  const via = options.via ?? (standardQueue ? IotRuleVia.QUEUE : IotRuleVia.FUNCTION);
  const isTaken = TAKEN.includes(id);
  validate(gateway, [
    not(isTaken, `id: "${id}" is reserved for a part of the gateway`),
    not(!isTaken && gateway.node.tryFindChild(id) !== undefined, `id: duplicate rule "${id}"`),
    text('sql', options.sql, /\S/, 'a SQL statement'),
    text('ruleName', options.ruleName, /^[a-zA-Z0-9_]{1,128}$/, '1 to 128 letters, digits and underscores'),
    not(
      via === IotRuleVia.QUEUE && !standardQueue,
      `via: expected FUNCTION, because ${queue ? 'IoT Core cannot send to a FIFO queue' : 'there is no queue'}, got QUEUE`,
    ),
  ]);

  const scope = new Construct(gateway, id);
  const stack = Stack.of(gateway);
  // One role for both actions, and none if neither sends to a queue.
  let role: iam.Role | undefined;
  const roleFor = (target: sqs.IQueue) => {
    role ??= new iam.Role(scope, 'Role', {
      description: 'Role of an IoT rule that feeds the push gateway',
      // Without the conditions, rules of any account could use the role:
      // https://docs.aws.amazon.com/iot/latest/developerguide/iot-create-role.html
      // The role must exist before the rule, so it cannot refer to a name that CloudFormation generates.
      assumedBy: new iam.ServicePrincipal('iot.amazonaws.com', {
        conditions: {
          ArnLike: {
            'aws:SourceArn': stack.formatArn({
              service: 'iot',
              resource: 'rule',
              resourceName: options.ruleName ?? '*',
            }),
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
    via === IotRuleVia.QUEUE ? sendTo(standardQueue!) : { lambda: { functionArn: parts.function.functionArn } };
  const errorAction = options.errorAction ?? (deadLetterQueue.fifo ? undefined : sendTo(deadLetterQueue));
  if (!errorAction) {
    warn(
      scope,
      'iotRuleWithoutErrorAction',
      'messages for which the action of the rule fails are lost, because IoT Core cannot send to a FIFO dead-letter queue; set errorAction',
    );
  }
  if (via === IotRuleVia.FUNCTION && losesFailedInvocations) {
    warn(
      scope,
      'iotRuleWithoutOnFailure',
      'messages for which the function fails are lost, because Lambda cannot send to a FIFO dead-letter queue; set onFailure of the gateway',
    );
  }

  const rule = new iot.CfnTopicRule(scope, 'Resource', {
    ruleName: options.ruleName,
    topicRulePayload: {
      sql: options.sql,
      // Events require object literals, which the default version, 2015-10-08, does not support.
      awsIotSqlVersion: '2016-03-23',
      description: options.description,
      ruleDisabled: options.enabled === false,
      actions: [action],
      errorAction,
    },
  });
  if (role) rule.node.addDependency(role);
  if (via === IotRuleVia.FUNCTION) {
    parts.function.addPermission('Invoke', {
      // Not below the function, which gateways can share.
      scope,
      principal: new iam.ServicePrincipal('iot.amazonaws.com'),
      sourceArn: rule.attrArn,
      sourceAccount: stack.account,
    });
  }
  return rule;
}
