import { Names, Resource, Stack } from 'aws-cdk-lib';
import * as aps from 'aws-cdk-lib/aws-aps';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import { DiscardReason } from './discard-reason';
import { rulesProblems } from './private/definition-problems';
import { differs, isElsewhere } from './private/elsewhere';
import { checked } from './private/grants';
import { usageMetric, workspaceMetric } from './private/metrics';
import { allowAlerts } from './private/topics';
import { validate } from './private/validate';
import { statementText, warn } from './private/warnings';
import { YamlDefinition } from './yaml-definition';

/** https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-and-IAM.html */
const REMOTE_WRITE_ACTIONS = ['aps:RemoteWrite'];
const QUERY_ACTIONS = ['aps:GetLabels', 'aps:GetMetricMetadata', 'aps:GetSeries', 'aps:QueryMetrics'];

/**
 * A workspace of Amazon Managed Service for Prometheus (AMP), made here or imported.
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
   * The URL under which the Prometheus-compatible APIs are: it ends in `/workspaces/<workspace id>/`. It is what a
   * Grafana data source wants.
   */
  readonly prometheusEndpoint: string;

  /** The URL for remote write: it ends in `/api/v1/remote_write`. */
  readonly remoteWriteUrl: string;

  /** The URL for instant queries: it ends in `/api/v1/query`. */
  readonly queryUrl: string;

  /**
   * Adds a rule groups namespace: recording and alerting rules, which AMP evaluates.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-ruler-rulesfile.html
   * @param id the identifier of the construct; the namespace's name is made from its path
   * @param rules a rules file: at most 1,000,000 bytes, with the key `groups` at its root
   */
  addRuleGroups(id: string, rules: YamlDefinition): aps.CfnRuleGroupsNamespace;

  /**
   * Adds an interface endpoint to a VPC, so that what runs there reaches the workspace without the internet. Its policy
   * lets only this workspace be written and queried; give it further statements for others with `addToPolicy`, because
   * a VPC can have one such endpoint with private DNS only.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-and-interface-VPC.html
   * @param id the identifier of the construct
   * @param options the VPC, its subnets and security groups
   */
  addInterfaceEndpoint(id: string, options: WorkspaceInterfaceEndpointOptions): ec2.InterfaceVpcEndpoint;

  /**
   * Lets the workspace's Alertmanager send alerts to a topic, and use the topic's key if it has one. The Alertmanager
   * definition has to name the topic too.
   *
   * A topic without a policy gets one that also lets CloudWatch alarms of the account publish, as SNS's default policy
   * does. For an imported topic or key, a warning shows the statement to add.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-receiver-AMPpermission.html
   * @param topic a topic in the region of the workspace
   */
  allowAlertsTo(topic: sns.ITopic): void;

  /**
   * Grants actions on this workspace alone. A principal of another account is also added to the resource policy; for an
   * imported workspace, a warning shows the statement to add.
   *
   * @param grantee the principal that may
   * @param actions the actions, such as `aps:GetSeries`
   */
  grant(grantee: iam.IGrantable, ...actions: string[]): iam.Grant;

  /**
   * Grants writing samples:
   *
   *  - `aps:RemoteWrite`
   *
   * @param grantee the principal that may
   */
  grantRemoteWrite(grantee: iam.IGrantable): iam.Grant;

  /**
   * Grants querying, as a Grafana data source does:
   *
   *  - `aps:GetLabels`
   *  - `aps:GetMetricMetadata`
   *  - `aps:GetSeries`
   *  - `aps:QueryMetrics`
   *
   * @param grantee the principal that may
   */
  grantQuery(grantee: iam.IGrantable): iam.Grant;

  /**
   * A metric of this workspace in the namespace `AWS/Prometheus`: average over 5 minutes.
   *
   * @see https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-CW-usage-metrics.html
   * @param metricName the name of the metric, such as `RuleEvaluationFailures`
   * @param props dimensions here are added to `Workspace`
   */
  metric(metricName: string, props?: cloudwatch.MetricOptions): cloudwatch.Metric;

  /**
   * Samples that AMP discarded, for all reasons together: sum over 5 minutes. This is the metric that tells of loss.
   *
   * It is a CloudWatch Metrics Insights query, because AMP publishes one metric per reason. Alarms may use it in the
   * region and account of the workspace.
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
   * How much older than their ingestion out-of-order samples are, in seconds: maximum over 5 minutes of the oldest.
   * As it nears the out-of-order time window, samples are about to be refused.
   *
   * @param props the dimension `Percentile` may be changed to `p50` or `p99`
   */
  metricOutOfOrderSampleAge(props?: cloudwatch.MetricOptions): cloudwatch.Metric;

  /**
   * Samples that are ingested per second (`AWS/Usage`): maximum over 5 minutes.
   *
   * @param props changes to the metric
   */
  metricIngestionRate(props?: cloudwatch.MetricOptions): cloudwatch.Metric;

  /**
   * Series that had samples of late (`AWS/Usage`): maximum over 5 minutes.
   *
   * @param props changes to the metric
   */
  metricActiveSeries(props?: cloudwatch.MetricOptions): cloudwatch.Metric;
}

/**
 * Where the interface endpoint of a workspace is.
 */
export interface WorkspaceInterfaceEndpointOptions {
  /** The VPC that gets the endpoint. */
  readonly vpc: ec2.IVpc;

  /**
   * The subnets that get a network interface of the endpoint. One per availability zone is enough.
   *
   * @default - private subnets
   */
  readonly subnets?: ec2.SubnetSelection;

  /**
   * The security groups of the endpoint, which have to let in HTTPS.
   *
   * @default - a new one that lets in HTTPS from the VPC
   */
  readonly securityGroups?: ec2.ISecurityGroup[];
}

/**
 * What a workspace can do that follows from its ARN, ID and endpoint.
 */
export abstract class PrometheusWorkspaceBase extends Resource implements IPrometheusWorkspace {
  public abstract readonly workspaceArn: string;
  public abstract readonly workspaceId: string;
  public abstract readonly prometheusEndpoint: string;

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
    namespace.name = Names.uniqueResourceName(namespace, { maxLength: 64, separator: '-', allowedSpecialCharacters: '-_.' });
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
        actions: [...REMOTE_WRITE_ACTIONS, ...QUERY_ACTIONS],
        resources: [this.workspaceArn],
      }),
    );
    return endpoint;
  }

  public allowAlertsTo(topic: sns.ITopic): void {
    allowAlerts(this, topic, this.workspaceArn, this.env.account);
  }

  /**
   * Adds a statement to the resource policy of the workspace, with which other accounts can write and query it.
   * AMP accepts actions of its Prometheus-compatible APIs without wildcards, on the ARN of this workspace. The policy of
   * an imported workspace does not change.
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

    const statement = new iam.PolicyStatement({ principals: [grantPrincipal], actions, resources: [this.workspaceArn] });
    const result = this.addToResourcePolicy(statement);
    if (!result.statementAdded) {
      warn(
        this,
        'workspacePolicy',
        `the policy of the workspace ${this.node.path} cannot be changed here; add to it: ${statementText(this, statement)}`,
      );
      return iam.Grant.drop(grantee, 'the warning shows the statement to add');
    }
    // The statement is in the policy already, and only the workspace knows whether it was added.
    const resource = { env: this.env, addToResourcePolicy: () => result };
    return iam.Grant.addStatementToResourcePolicy({ ...options, statement, resource });
  }

  public grantRemoteWrite(grantee: iam.IGrantable): iam.Grant {
    return this.grant(grantee, ...REMOTE_WRITE_ACTIONS);
  }

  public grantQuery(grantee: iam.IGrantable): iam.Grant {
    return this.grant(grantee, ...QUERY_ACTIONS);
  }

  public metric(metricName: string, props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return workspaceMetric(this, metricName, 'Average', {}, props);
  }

  public metricDiscardedSamples(props?: cloudwatch.MetricOptions): cloudwatch.MathExpression {
    // With an environment CDK refuses the expression in alarms, so it has one only where alarms cannot use it anyway.
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
   * The endpoint as AMP documents it. It is not taken from CloudFormation, whose documentation shows the attribute with
   * `/api/v1/` at its end while AMP's API returns it without: a URL made of both would be wrong in one of the cases.
   */
  protected endpointOf(workspaceId: string, region: string): string {
    return `https://aps-workspaces.${region}.${Stack.of(this).urlSuffix}/workspaces/${workspaceId}/`;
  }
}
