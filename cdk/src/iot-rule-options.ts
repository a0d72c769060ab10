import * as iot from 'aws-cdk-lib/aws-iot';

/**
 * The way from IoT Core to the function.
 */
export enum IotRuleVia {
  /** The SQS action: buffered, batched and redelivered. */
  QUEUE = 'queue',
  /** The Lambda action, which invokes asynchronously: sooner, but one invocation per message. */
  FUNCTION = 'function',
}

/**
 * An IoT rule that feeds a push gateway.
 */
export interface IotRuleOptions {
  /**
   * The rule's SQL statement (version 2016-03-23): what it selects has to be an event, with `dimensions`, `timestamp`
   * and `metrics`.
   *
   * @see https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-reference.html
   */
  readonly sql: string;

  /**
   * The way to the function.
   *
   * @default - the queue; the function if there is no queue or it is a FIFO queue, which IoT Core cannot send to
   */
  readonly via?: IotRuleVia;

  /**
   * The name of the rule: 1 to 128 letters, digits and underscores. Basic Ingest topics have it in them.
   *
   * @default - a generated name
   */
  readonly ruleName?: string;

  /**
   * What the rule is for, in the console.
   *
   * @default - no description
   */
  readonly description?: string;

  /**
   * Whether the rule is switched on.
   *
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * What IoT Core does with a message when the rule's action fails.
   *
   * @see https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html
   * @default - it is sent to the dead-letter queue; nothing if that is a FIFO queue
   */
  readonly errorAction?: iot.CfnTopicRule.ActionProperty;
}
