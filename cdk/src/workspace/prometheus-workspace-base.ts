import { Duration, Names, Resource, Stack } from 'aws-cdk-lib';
import * as aps from 'aws-cdk-lib/aws-aps';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import { differs, isElsewhere } from '../shared/elsewhere';
import { checked } from '../shared/grants';
import { allowAlerts } from '../shared/topics';
import { validate } from '../shared/validate';
import { statementText, warn } from '../shared/warnings';
import { rulesProblems } from './definition-problems';
import { DiscardReason } from './discard-reason';
import { usageMetric, workspaceMetric } from './metrics';
import { YamlDefinition } from './yaml-definition';

/** https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-and-IAM.html */
const REMOTE_WRITE_ACTIONS = ['aps:RemoteWrite'];
const QUERY_ACTIONS = ['aps:GetLabels', 'aps:GetMetricMetadata', 'aps:GetSeries', 'aps:QueryMetrics'];
const RULE_ACTIONS = ['aps:ListAlerts', 'aps:ListRules'];

/**
 * A workspace of Amazon Managed Service for Prometheus (AMP), new or imported.
 */
export interface IPrometheusWorkspace extends iam.IResourceWithPolicy, aps.IWorkspaceRef {
  /**
   * The ARN of the workspace: `arn:<partition>:aps:<region>:<account>:workspace/<workspace id>`.
   * @attribute
   */
  readonly workspaceArn: string;

  /**
   * The ID of the workspace, such as `ws-12345678-abcd-1234-abcd-123456789012`.
   * @attribute
   */
  readonly workspaceId: string;

  /**
   * The base URL of the Prometheus-compatible APIs, which ends in `/workspaces/<workspace id>/`. Use it as the URL of a
   * Grafana data source.
   */
  readonly prometheusEndpoint: string;

  /** The URL for remote write, which ends in `/api/v1/remote_write`. */
  readonly remoteWriteUrl: string;

  /** The URL for instant queries, which ends in `/api/v1/query`. */
  readonly queryUrl: string;

  /** How much older than the newest sample of the workspace a sample may be. Undefined if it is unknown. */
  readonly outOfOrderTimeWindow?: Duration;

  /**
   * Adds a rule groups namespace with recording and alerting rules, which AMP evaluates.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-ruler-rulesfile.html
   * @param id the identifier of the construct; the name of the namespace is derived from its path
   * @param rules a rules file: at most 1,000,000 bytes, with the key `groups` at its root
   */
  addRuleGroups(id: string, rules: YamlDefinition): aps.CfnRuleGroupsNamespace;

  /**
   * Adds an interface endpoint to a VPC, through which the VPC reaches the workspace without the internet. The policy of
   * the endpoint allows writing, querying and listing the rules of this workspace only. Add statements for other
   * workspaces with `addToPolicy`, because a VPC can have only one such endpoint with private DNS.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-and-interface-VPC.html
   * @param id the identifier of the construct
   * @param options the VPC, its subnets and security groups
   */
  addInterfaceEndpoint(id: string, options: WorkspaceInterfaceEndpointOptions): ec2.InterfaceVpcEndpoint;

  /**
   * Lets the Alertmanager of the workspace send alerts to a topic, and use the key of the topic if it has one. The
   * Alertmanager definition must name the topic too.
   *
   * A topic without a policy gets one that also lets the account's CloudWatch alarms publish, as the default policy of
   * SNS does. For an imported topic or key, a warning shows the statement to add.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-receiver-AMPpermission.html
   * @param topic a topic in the region of the workspace
   */
  allowAlertsTo(topic: sns.ITopic): void;

  /**
   * Grants actions on this workspace only. A principal of another account is also added to the resource policy. For an
   * imported workspace, a warning shows the statement to add.
   *
   * @param grantee the principal
   * @param actions the actions, such as `aps:GetSeries`
   */
  grant(grantee: iam.IGrantable, ...actions: string[]): iam.Grant;

  /**
   * Grants writing samples:
   *
   *  - `aps:RemoteWrite`
   *
   * @param grantee the principal
   */
  grantRemoteWrite(grantee: iam.IGrantable): iam.Grant;

  /**
   * Grants querying, for example by a Grafana data source:
   *
   *  - `aps:GetLabels`
   *  - `aps:GetMetricMetadata`
   *  - `aps:GetSeries`
   *  - `aps:QueryMetrics`
   *
   * @param grantee the principal
   */
  grantQuery(grantee: iam.IGrantable): iam.Grant;

  /**
   * Grants listing the rules and alerts, which Grafana shows beside those of its own:
   *
   *  - `aps:ListAlerts`
   *  - `aps:ListRules`
   *
   * @param grantee the principal
   */
  grantListRules(grantee: iam.IGrantable): iam.Grant;

  /**
   * Grants all that the signing proxy sends for its clients: writing samples (`grantRemoteWrite`), querying (`grantQuery`),
   * and listing rules and alerts (`grantListRules`). For a proxy that only reads or only writes, use these.
   *
   * @param grantee the principal of the proxy, such as the role of an instance
   */
  grantProxy(grantee: iam.IGrantable): iam.Grant;

  /**
   * A metric of this workspace in the namespace `AWS/Prometheus`: average over 5 minutes.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-CW-usage-metrics.html
   * @param metricName the name of the metric, such as `RuleEvaluationFailures`
   * @param props dimensions here are added to `Workspace`
   */
  metric(metricName: string, props?: cloudwatch.MetricOptions): cloudwatch.Metric;

  /**
   * Samples that AMP discarded for any reason: sum over 5 minutes. Senders repeat those of `RATE_LIMITED`.
   *
   * It is a CloudWatch Metrics Insights query, because AMP publishes one metric per reason. Alarms can use it only in
   * the region and account of the workspace.
   *
   * @param props only `period`, `label`, `color`, `region` and `account` are used
   */
  metricDiscardedSamples(props?: cloudwatch.MetricOptions): cloudwatch.MathExpression;

  /**
   * Samples that AMP discarded for one reason: sum over 5 minutes.
   *
   * @param reason the value of the dimension `Reason`
   * @param props changes to the metric
   */
  metricDiscardedSamplesByReason(reason: DiscardReason, props?: cloudwatch.MetricOptions): cloudwatch.Metric;

  /**
   * Age of out-of-order samples at ingestion, in seconds: maximum over 5 minutes. AMP rejects samples older than the
   * out-of-order time window.
   *
   * @param props the dimension `Percentile` may be changed to `p50` or `p99`
   */
  metricOutOfOrderSampleAge(props?: cloudwatch.MetricOptions): cloudwatch.Metric;

  /**
   * Samples ingested per second (`AWS/Usage`): maximum over 5 minutes.
   *
   * @param props changes to the metric
   */
  metricIngestionRate(props?: cloudwatch.MetricOptions): cloudwatch.Metric;

  /**
   * Series with recent samples (`AWS/Usage`): maximum over 5 minutes.
   *
   * @param props changes to the metric
   */
  metricActiveSeries(props?: cloudwatch.MetricOptions): cloudwatch.Metric;
}

/**
 * The network of a workspace's interface endpoint.
 */
export interface WorkspaceInterfaceEndpointOptions {
  /** VPC of the endpoint. */
  readonly vpc: ec2.IVpc;

  /**
   * Subnets that get a network interface of the endpoint. One per availability zone is enough.
   *
   * @default - private subnets
   */
  readonly subnets?: ec2.SubnetSelection;

  /**
   * Security groups of the endpoint. They must allow inbound HTTPS.
   *
   * @default - a new one, which allows HTTPS from the VPC
   */
  readonly securityGroups?: ec2.ISecurityGroup[];
}

/**
 * The features of a workspace that need only its ARN, ID and endpoint.
 */
export abstract class PrometheusWorkspaceBase extends Resource implements IPrometheusWorkspace {
  public abstract readonly workspaceArn: string;
  public abstract readonly workspaceId: string;
  public abstract readonly prometheusEndpoint: string;
  public abstract readonly outOfOrderTimeWindow?: Duration;

  public get workspaceRef(): aps.WorkspaceReference {
    return { workspaceArn: this.workspaceArn };
  }

  public get remoteWriteUrl(): string {
    return `${this.prometheusEndpoint}api/v1/remote_write`;
  }

  public get queryUrl(): string {
    return `${this.prometheusEndpoint}api/v1/query`;
  }

  public addRuleGroups(id: string, rules: YamlDefinition): aps.CfnRuleGroupsNamespace {
    validate(this, rulesProblems(`the rules of "${id}"`, rules));
    const namespace = new aps.CfnRuleGroupsNamespace(this, id, {
      workspace: this.workspaceArn,
      name: id,
      data: rules.yaml,
    });
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-aps-rulegroupsnamespace.html
    namespace.name = Names.uniqueResourceName(namespace, {
      maxLength: 64,
      separator: '-',
      allowedSpecialCharacters: '-_.',
    });
    return namespace;
  }

  public addInterfaceEndpoint(id: string, options: WorkspaceInterfaceEndpointOptions): ec2.InterfaceVpcEndpoint {
    const endpoint = new ec2.InterfaceVpcEndpoint(this, id, {
      ...options,
      service: ec2.InterfaceVpcEndpointAwsService.PROMETHEUS_WORKSPACES,
    });
    endpoint.addToPolicy(
      new iam.PolicyStatement({
        principals: [new iam.AnyPrincipal()],
        actions: [...REMOTE_WRITE_ACTIONS, ...QUERY_ACTIONS, ...RULE_ACTIONS],
        resources: [this.workspaceArn],
      }),
    );
    return endpoint;
  }

  public allowAlertsTo(topic: sns.ITopic): void {
    allowAlerts(this, topic, this.workspaceArn, this.env.account);
  }

  /**
   * Adds a statement to the resource policy of the workspace, so that other accounts can write and query it. AMP accepts
   * only actions of its Prometheus-compatible APIs, without wildcards, on the ARN of this workspace. The policy of an
   * imported workspace cannot change.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/APIReference/API_PutResourcePolicy.html
   * @param _statement the statement
   */
  public addToResourcePolicy(_statement: iam.PolicyStatement): iam.AddToResourcePolicyResult {
    return { statementAdded: false };
  }

  public grant(grantee: iam.IGrantable, ...actions: string[]): iam.Grant {
    const options = { grantee, actions, resourceArns: [this.workspaceArn] };
    const { grantPrincipal } = grantee;
    const { principalAccount } = grantPrincipal;
    const isOther = principalAccount !== undefined && differs(principalAccount, this.env.account);
    const grant = iam.Grant.addToPrincipal(options);
    if (grant.success && !isOther) return checked(this, grantee, grant);

    const statement = new iam.PolicyStatement({
      principals: [grantPrincipal],
      actions,
      resources: [this.workspaceArn],
    });
    const result = this.addToResourcePolicy(statement);
    if (!result.statementAdded) {
      warn(
        this,
        'workspacePolicy',
        `the policy of the workspace ${this.node.path} cannot change because the workspace is imported; add to it: ${statementText(this, statement)}`,
      );
      return iam.Grant.drop(grantee, 'the warning shows the statement to add');
    }
    // The statement is already in the policy, so the grant only reports the result.
    const resource = { env: this.env, addToResourcePolicy: () => result };
    return iam.Grant.addStatementToResourcePolicy({ ...options, statement, resource });
  }

  public grantRemoteWrite(grantee: iam.IGrantable): iam.Grant {
    return this.grant(grantee, ...REMOTE_WRITE_ACTIONS);
  }

  public grantQuery(grantee: iam.IGrantable): iam.Grant {
    return this.grant(grantee, ...QUERY_ACTIONS);
  }

  public grantListRules(grantee: iam.IGrantable): iam.Grant {
    return this.grant(grantee, ...RULE_ACTIONS);
  }

  public grantProxy(grantee: iam.IGrantable): iam.Grant {
    return this.grantRemoteWrite(grantee).combine(this.grantQuery(grantee)).combine(this.grantListRules(grantee));
  }

  public metric(metricName: string, props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return workspaceMetric(this, metricName, 'Average', {}, props);
  }

  public metricDiscardedSamples(props?: cloudwatch.MetricOptions): cloudwatch.MathExpression {
    // CDK rejects an expression with an environment in alarms, so only workspaces that alarms cannot watch have one.
    const { region, account } = isElsewhere(this.env, this) ? this.env : { region: undefined, account: undefined };
    return new cloudwatch.MathExpression({
      expression: `SELECT SUM(DiscardedSamples) FROM "AWS/Prometheus" WHERE Workspace = '${this.workspaceId}'`,
      usingMetrics: {},
      label: props?.label ?? 'Discarded samples',
      color: props?.color,
      period: props?.period,
      searchRegion: props?.region ?? region,
      searchAccount: props?.account ?? account,
    });
  }

  public metricDiscardedSamplesByReason(reason: DiscardReason, props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return workspaceMetric(this, 'DiscardedSamples', 'Sum', { Reason: reason }, props);
  }

  public metricOutOfOrderSampleAge(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return workspaceMetric(this, 'OutOfOrderSampleAge', 'Maximum', { Percentile: 'max' }, props);
  }

  public metricIngestionRate(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return usageMetric(this, 'IngestionRate', props);
  }

  public metricActiveSeries(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return usageMetric(this, 'ActiveSeries', props);
  }

  /**
   * The endpoint as AMP documents it. The attribute of CloudFormation is not reliable: its documentation shows it with
   * `/api/v1/` at the end, while AMP's API returns it without.
   */
  protected endpointOf(workspaceId: string, region: string): string {
    return `https://aps-workspaces.${region}.${Stack.of(this).urlSuffix}/workspaces/${workspaceId}/`;
  }
}
