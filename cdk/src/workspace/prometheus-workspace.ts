import { Duration, Lazy, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as aps from 'aws-cdk-lib/aws-aps';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { labelSetProblems } from '../shared/labels';
import { duration, integer, not, text, validate } from '../shared/validate';
import { alertmanagerProblems } from './definition-problems';
import { importedWorkspace } from './imported-workspace';
import { IPrometheusWorkspace, PrometheusWorkspaceBase } from './prometheus-workspace-base';
import { windowProblem } from './window';
import { YamlDefinition } from './yaml-definition';

/**
 * A limit on the active series with certain labels, so that one tenant or source cannot use up the workspace.
 */
export interface LabelSetLimit {
  /**
   * Labels that a series must have, by name: names match `[a-zA-Z_][a-zA-Z0-9_]*`, values are not empty. `{}` matches
   * every series that no other set matches.
   */
  readonly labels: { [name: string]: string };

  /**
   * Maximum number of active series with these labels: an integer of at least 0. With 0 there is no limit, but AMP
   * publishes CloudWatch metrics for the label set.
   */
  readonly maxSeries: number;
}

/**
 * The log of expensive queries.
 */
export interface QueryLogging {
  /**
   * Log group. Its name should begin with `/aws/vendedlogs/`, which keeps the account's resource policy for
   * CloudWatch Logs small.
   */
  readonly logGroup: logs.ILogGroup;

  /**
   * Number of samples above which a query is logged: an integer of at least 0. A lower threshold logs more queries and
   * costs more.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/userguide/query-insights-control.html
   * @default 1000000
   */
  readonly samplesProcessedThreshold?: number;
}

/**
 * Settings of a workspace.
 */
export interface PrometheusWorkspaceProps {
  /**
   * Display name: 1 to 100 characters. It need not be unique. Set it to find the workspace in the console.
   *
   * @default - no alias
   */
  readonly alias?: string;

  /**
   * How long samples are kept: 1 to 1095 days. AMP charges for storage.
   *
   * @default - the default of AMP, 150 days
   */
  readonly retention?: Duration;

  /**
   * How much older than the newest sample of the workspace a sample may be: 0 to 600 seconds. With 0, AMP rejects samples
   * that are out of order. Shorten it if alerts must fire sooner, because `ruleQueryOffset` follows it.
   *
   * The default is the maximum of AMP, because samples travel through a queue: batches are written in any order, and a
   * redelivered batch arrives at least six function timeouts late.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-workspace-configuration.html
   * @default Duration.minutes(10)
   */
  readonly outOfOrderTimeWindow?: Duration;

  /**
   * How far in the past rules are evaluated: 0 to 86,400 seconds. It delays alerts by the same time. Shorten it if fast
   * alerts matter more than late samples. The `query_offset` of a rule group takes precedence.
   *
   * The default is the window, as AMP recommends, so that rules see out-of-order samples.
   *
   * @default - the same as `outOfOrderTimeWindow`
   */
  readonly ruleQueryOffset?: Duration;

  /**
   * Limits on active series by label set. Set them when tenants or sources share the workspace.
   *
   * @default - only the limit of the workspace
   */
  readonly limitsPerLabelSet?: LabelSetLimit[];

  /**
   * Symmetric KMS key that encrypts the workspace. Setting, changing or removing it later
   * replaces the workspace. The policy of a key in this app
   * is extended as AMP requires.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/userguide/encryption-at-rest-Amazon-Service-Prometheus.html
   * @default - a key owned by AWS
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * Log group for errors and warnings of rules and the Alertmanager (AMP's "vended logs"). Its name should begin with
   * `/aws/vendedlogs/`, which keeps the account's resource policy for CloudWatch Logs small. Set it if the workspace has
   * rules or an Alertmanager: only this log shows why an alert was not sent.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/userguide/CW-logs.html
   * @default - not logged
   */
  readonly logGroup?: logs.ILogGroup;

  /**
   * Log of expensive queries. Set it to find their callers.
   *
   * @default - queries are not logged
   */
  readonly queryLogging?: QueryLogging;

  /**
   * Alertmanager definition: at most 1,000,000 bytes, with the key `alertmanager_config` at its root. Receivers can only be
   * SNS topics, which also need `allowAlertsTo`.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-config.html
   * @default - no Alertmanager
   */
  readonly alertmanagerDefinition?: YamlDefinition;

  /**
   * Whether the workspace and its samples are deleted when it is removed from the stack. Use `RemovalPolicy.DESTROY` for
   * temporary stacks.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
}

/**
 * The identity of an existing workspace.
 */
export interface PrometheusWorkspaceAttributes {
  /**
   * The ARN of the workspace: `arn:<partition>:aps:<region>:<account>:workspace/<workspace id>`.
   */
  readonly workspaceArn: string;

  /**
   * The base URL of the Prometheus-compatible APIs, which ends in `/workspaces/<workspace id>/`. Set it to use a FIPS or
   * dual-stack host, or an interface endpoint without private DNS.
   *
   * @default - the public endpoint in the region of the ARN
   */
  readonly prometheusEndpoint?: string;
}

/**
 * A workspace of Amazon Managed Service for Prometheus (AMP).
 *
 * @resource AWS::APS::Workspace
 */
export class PrometheusWorkspace extends PrometheusWorkspaceBase {
  /**
   * Imports a workspace by its ARN.
   *
   * @param scope the parent construct
   * @param id the identifier of the construct
   * @param workspaceArn its ARN: `arn:<partition>:aps:<region>:<account>:workspace/<workspace id>`
   */
  public static fromWorkspaceArn(scope: Construct, id: string, workspaceArn: string): IPrometheusWorkspace {
    return PrometheusWorkspace.fromWorkspaceAttributes(scope, id, { workspaceArn });
  }

  /**
   * Imports a workspace.
   *
   * @param scope the parent construct
   * @param id the identifier of the construct
   * @param attributes its ARN, and its endpoint if it is not the public one
   */
  public static fromWorkspaceAttributes(
    scope: Construct,
    id: string,
    attributes: PrometheusWorkspaceAttributes,
  ): IPrometheusWorkspace {
    const { workspaceArn, prometheusEndpoint } = attributes;
    validate(scope, [
      text(
        'workspaceArn',
        workspaceArn,
        /^arn:[^:]+:aps:[^:]+:\d{12}:workspace\/[A-Za-z0-9-]+$/,
        'arn:<partition>:aps:<region>:<account>:workspace/<workspace id>',
      ),
      text(
        'prometheusEndpoint',
        prometheusEndpoint,
        /^https?:\/\/.+\/workspaces\/[A-Za-z0-9-]+\/$/,
        'a URL that ends in /workspaces/<workspace id>/',
      ),
    ]);
    return importedWorkspace(scope, id, {
      workspaceArn,
      prometheusEndpoint,
      props: { environmentFromArn: workspaceArn },
    });
  }

  public readonly workspaceArn: string;
  public readonly workspaceId: string;
  public readonly prometheusEndpoint: string;
  public readonly outOfOrderTimeWindow?: Duration;

  private policy?: iam.PolicyDocument;

  /**
   * @param scope the parent construct
   * @param id the identifier of the construct
   * @param props settings of the workspace
   */
  constructor(scope: Construct, id: string, props: PrometheusWorkspaceProps = {}) {
    super(scope, id);
    validate(this, problems(props));
    const outOfOrderTimeWindow = props.outOfOrderTimeWindow ?? Duration.minutes(10);

    const workspace = new aps.CfnWorkspace(this, 'Resource', {
      alias: props.alias,
      kmsKeyArn: props.encryptionKey?.keyArn,
      alertManagerDefinition: props.alertmanagerDefinition?.yaml,
      loggingConfiguration: props.logGroup && { logGroupArn: props.logGroup.logGroupArn },
      queryLoggingConfiguration: props.queryLogging && {
        destinations: [
          {
            cloudWatchLogs: { logGroupArn: props.queryLogging.logGroup.logGroupArn },
            filters: { qspThreshold: props.queryLogging.samplesProcessedThreshold ?? 1_000_000 },
          },
        ],
      },
      workspaceConfiguration: {
        retentionPeriodInDays: props.retention?.toDays(),
        limitsPerLabelSets: props.limitsPerLabelSet?.map(({ labels, maxSeries }) => ({
          labelSet: Object.entries(labels).map(([name, value]) => ({ name, value })),
          limits: { maxSeries },
        })),
      },
    });
    // Older versions of aws-cdk-lib omit these properties.
    const seconds = (name: string, value: Duration) =>
      workspace.addPropertyOverride(`WorkspaceConfiguration.${name}InSeconds`, value.toSeconds());
    seconds('OutOfOrderTimeWindow', outOfOrderTimeWindow);
    seconds('RuleQueryOffset', props.ruleQueryOffset ?? outOfOrderTimeWindow);
    workspace.applyRemovalPolicy(props.removalPolicy ?? RemovalPolicy.RETAIN);
    if (props.encryptionKey) allowUseOf(props.encryptionKey, this.env);

    this.workspaceArn = workspace.attrArn;
    this.workspaceId = workspace.attrWorkspaceId;
    this.prometheusEndpoint = this.endpointOf(this.workspaceId, this.env.region);
    this.outOfOrderTimeWindow = outOfOrderTimeWindow;
  }

  public override addToResourcePolicy(statement: iam.PolicyStatement): iam.AddToResourcePolicyResult {
    this.policy ??= this.newPolicy();
    this.policy.addStatements(statement);
    return { statementAdded: true, policyDependable: this };
  }

  /** Creates the policy; a workspace can have only one. */
  private newPolicy(): iam.PolicyDocument {
    const document = new iam.PolicyDocument();
    this.node.addValidation({ validate: () => document.validateForResourcePolicy() });
    new aps.CfnResourcePolicy(this, 'Policy', {
      workspaceArn: this.workspaceArn,
      policyDocument: Lazy.string({ produce: () => Stack.of(this).toJsonString(document.toJSON()) }),
    });
    return document;
  }
}

function problems(props: PrometheusWorkspaceProps) {
  return [
    text('alias', props.alias, /^.{1,100}$/, '1 to 100 characters'),
    days('retention', props.retention, 1, 1095),
    windowProblem(props.outOfOrderTimeWindow),
    duration('ruleQueryOffset', props.ruleQueryOffset, Duration.seconds(0), Duration.days(1)),
    integer(
      'queryLogging.samplesProcessedThreshold',
      props.queryLogging?.samplesProcessedThreshold,
      0,
      Number.MAX_SAFE_INTEGER,
    ),
    ...(props.limitsPerLabelSet ?? []).map(({ maxSeries }, index) =>
      integer(`limitsPerLabelSet[${index}].maxSeries`, maxSeries, 0, Number.MAX_SAFE_INTEGER),
    ),
    ...labelSetProblems((props.limitsPerLabelSet ?? []).map(({ labels }) => labels)),
    ...alertmanagerProblems('alertmanagerDefinition', props.alertmanagerDefinition),
  ];
}

function days(prop: string, value: Duration | undefined, min: number, max: number) {
  if (value === undefined || value.isUnresolved()) return undefined;
  const given = value.toDays({ integral: false });
  return not(
    !Number.isInteger(given) || given < min || given > max,
    `${prop}: expected whole days between ${min} and ${max}, got ${given} days`,
  );
}

/**
 * Lets the principals of the account that may use the workspace use its key through AMP. An imported key does not change.
 *
 * @see https://docs.aws.amazon.com/prometheus/latest/userguide/encryption-at-rest-Amazon-Service-Prometheus.html
 */
function allowUseOf(key: kms.IKey, env: { account: string; region: string }) {
  key.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.AnyPrincipal()],
      actions: ['kms:CreateGrant', 'kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKey'],
      resources: ['*'],
      conditions: {
        StringEquals: {
          'kms:CallerAccount': env.account,
          'kms:ViaService': `aps.${env.region}.amazonaws.com`,
        },
      },
    }),
  );
}
