/** Creates the HTTP endpoints of a push gateway. */
import { Lazy, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as apigatewayv2 from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { checked, grantSecret, grantSend } from '../shared/grants';
import { HttpAuth, newHttpSecret } from '../shared/http-auth';
import { Problem, integer, not, text, validate } from '../shared/validate';
import { defined } from '../shared/variables';
import { warn } from '../shared/warnings';
import { HttpDelivery } from './http-delivery';
import { AlbTargetOptions, HttpApiOptions, HttpEndpointOptions } from './http-endpoint-options';
import { urlErrors } from './metrics';
import { GatewayParts } from './parts';

/** An HTTP endpoint, for alarms and grants. */
export interface HttpEndpoint {
  readonly id: 'FunctionUrl' | 'HttpApi' | 'AlbTarget';
  readonly title: string;
  /** Answers with a status of 400 to 499, and with one above. */
  readonly clientErrors: cloudwatch.IMetric;
  readonly serverErrors: cloudwatch.IMetric;
  /** Undefined if the endpoint does not authenticate with IAM. */
  readonly grant?: (grantee: iam.IGrantable) => iam.Grant;
}

/** How warnings and alarms name each endpoint. */
const TITLES = {
  FunctionUrl: 'function URL',
  HttpApi: 'HTTP API',
  AlbTarget: 'target of a load balancer',
} as const;

/** The HTTP endpoints of a gateway, and the settings of its function that they share. */
export class HttpEndpoints {
  private readonly endpoints: HttpEndpoint[] = [];
  private auth?: HttpAuth;
  private basePath?: string;
  private ownSecret?: secretsmanager.Secret;
  private watch: (endpoint: HttpEndpoint) => void = () => {};

  /** @param scope the gateway */
  constructor(
    private readonly scope: Construct,
    private readonly parts: GatewayParts,
    private readonly delivery: HttpDelivery | undefined,
  ) {}

  /** The secret of the endpoints, if they have one. */
  public get secret(): secretsmanager.ISecret | undefined {
    return this.auth?._secret ?? this.ownSecret;
  }

  /** Calls `watch` for each endpoint, also for those that are added later. */
  public forEach(watch: (endpoint: HttpEndpoint) => void): void {
    this.endpoints.forEach(watch);
    this.watch = watch;
  }

  /** Grants pushing to each endpoint that authenticates with IAM. */
  public grantPush(grantee: iam.IGrantable): iam.Grant {
    const [first, ...others] = this.endpoints.flatMap(({ grant }) => grant ?? []);
    validate(this.scope, [not(!first, 'grantPush requires an endpoint with HttpAuth.iam')]);
    return others.reduce((before, grant) => before.combine(grant(grantee)), first(grantee));
  }

  public functionUrl(options: HttpEndpointOptions): lambda.FunctionUrl {
    const { scope, parts } = this;
    this.begin('FunctionUrl', options);
    const isIam = options.auth._mode === 'iam';
    const url = new lambda.FunctionUrl(scope, 'FunctionUrl', {
      function: parts.function,
      authType: isIam ? lambda.FunctionUrlAuthType.AWS_IAM : lambda.FunctionUrlAuthType.NONE,
    });
    this.add({
      id: 'FunctionUrl',
      title: TITLES.FunctionUrl,
      clientErrors: urlErrors(parts.function, 'Url4xxCount'),
      serverErrors: urlErrors(parts.function, 'Url5xxCount'),
      grant: isIam ? (grantee) => checked(scope, grantee, url.grantInvokeUrl(grantee)) : undefined,
    });
    return url;
  }

  public httpApi(options: HttpApiOptions): apigatewayv2.HttpApi {
    const { scope, parts } = this;
    const { auth, rateLimit = 1000, burstLimit = 2000, stageName = '$default' } = options;
    this.begin('HttpApi', options, [
      integer('rateLimit', rateLimit, 1, Number.MAX_SAFE_INTEGER),
      integer('burstLimit', burstLimit, 1, Number.MAX_SAFE_INTEGER),
      text(
        'stageName',
        stageName,
        /^(\$default|[a-zA-Z0-9_-]{1,128})$/,
        '"$default" or 1 to 128 letters, digits, hyphens and underscores',
      ),
    ]);
    const isIam = auth._mode === 'iam';
    const isDefault = stageName === '$default';
    const api = new apigatewayv2.HttpApi(scope, 'HttpApi', {
      description: 'Receives metrics for Amazon Managed Service for Prometheus',
      createDefaultStage: isDefault,
      defaultAuthorizer: isIam ? new HttpIamAuthorizer() : undefined,
      // The default payload format is 2.0.
      defaultIntegration: new HttpLambdaIntegration('Function', parts.function),
    });
    const stage = api.defaultStage ?? api.addStage('Stage', { stageName, autoDeploy: true });
    const logGroup =
      options.accessLogGroup ??
      new logs.LogGroup(api, 'AccessLog', {
        retention: logs.RetentionDays.ONE_MONTH,
        removalPolicy: RemovalPolicy.DESTROY,
      });
    // The default stage has no props for these.
    const resource = stage.node.defaultChild as apigatewayv2.CfnStage;
    resource.defaultRouteSettings = { throttlingRateLimit: rateLimit, throttlingBurstLimit: burstLimit };
    resource.accessLogSettings = {
      destinationArn: new apigatewayv2.LogGroupLogDestination(logGroup).bind(stage).destinationArn,
      format: ACCESS_LOG_FORMAT,
    };
    const grant = (grantee: iam.IGrantable) => {
      // Below the stage, the resource is the method and the path.
      const resourceArns = [
        Stack.of(scope).formatArn({
          service: 'execute-api',
          resource: api.apiId,
          resourceName: `${stageName}/*`,
        }),
      ];
      return checked(
        scope,
        grantee,
        iam.Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns }),
      );
    };
    this.add({
      id: 'HttpApi',
      title: TITLES.HttpApi,
      clientErrors: api.metricClientError(),
      serverErrors: api.metricServerError(),
      grant: isIam ? grant : undefined,
    });
    return api;
  }

  public albTarget(options: AlbTargetOptions): elbv2.ApplicationTargetGroup {
    const { scope, parts } = this;
    this.begin('AlbTarget', options, [
      not(
        options.auth._mode === 'iam',
        'auth: expected HttpAuth.secret or HttpAuth.none, because a load balancer does not authenticate with IAM, got HttpAuth.iam',
      ),
    ]);
    const group = new elbv2.ApplicationTargetGroup(scope, 'AlbTarget', {
      targetType: elbv2.TargetType.LAMBDA,
      targets: [targetOf(scope, parts.function)],
      multiValueHeadersEnabled: options.multiValueHeaders ?? true,
      healthCheck: { enabled: true, path: `${options.basePath ?? ''}/-/healthy`, healthyHttpCodes: '200' },
    });
    const errors = (metricName: string) =>
      new cloudwatch.Metric({
        namespace: 'AWS/ApplicationELB',
        metricName,
        statistic: 'Sum',
        dimensionsMap: {
          TargetGroup: group.targetGroupFullName,
          // Known when the target group is added to a listener.
          LoadBalancer: Lazy.string({ produce: () => group.firstLoadBalancerFullName }),
        },
      }).attachTo(group);
    this.add({
      id: 'AlbTarget',
      title: TITLES.AlbTarget,
      clientErrors: errors('HTTPCode_Target_4XX_Count'),
      serverErrors: errors('HTTPCode_Target_5XX_Count'),
    });
    return group;
  }

  /** Checks the options of an endpoint, and configures the function for it. */
  private begin(id: HttpEndpoint['id'], { auth, basePath }: HttpEndpointOptions, problems: Problem[] = []): void {
    const { scope } = this;
    validate(scope, [
      not(
        this.endpoints.some((other) => other.id === id),
        `the gateway already has a ${TITLES[id]}`,
      ),
      ...problems,
      this.authProblem(auth),
      text(
        'basePath',
        basePath,
        /^(\/[a-zA-Z0-9._~-]+)+$/,
        'segments of letters, digits and "-._~", each after a slash',
      ),
      not(
        basePath !== undefined && this.basePath !== undefined && basePath !== this.basePath,
        `basePath: expected that of the other endpoints, "${this.basePath}", got "${basePath}"`,
      ),
    ]);
    if (auth._mode === 'none') {
      warn(
        scope,
        'httpWithoutAuth',
        `the ${TITLES[id]} serves every request that reaches it, because auth is HttpAuth.none; ` +
          (id === 'AlbTarget' ? 'its network must keep others out' : 'anyone on the internet can write metrics'),
      );
    }
    if (this.endpoints.length === 0) this.useQueue();
    if (this.auth?._mode !== 'secret') this.useAuth(auth);
    this.basePath ??= basePath;
    this.setVariables({ HTTP_BASE_PATH: this.basePath });
  }

  private add(endpoint: HttpEndpoint): void {
    this.endpoints.push(endpoint);
    this.watch(endpoint);
  }

  private authProblem(auth: HttpAuth): Problem {
    const before = this.auth;
    if (!before) return undefined;
    if ((before._mode === 'none') !== (auth._mode === 'none')) {
      return 'auth: HttpAuth.none cannot be combined with the auth of another endpoint, because one function serves both';
    }
    const bothSecret = before._mode === 'secret' && auth._mode === 'secret';
    return not(
      bothSecret && before._secret?.secretArn !== auth._secret?.secretArn,
      'auth: expected the secret of the other endpoints, got another one, because one function serves both',
    );
  }

  /** Sets the auth of the function, which also serves identities if it is a secret. */
  private useAuth(auth: HttpAuth): void {
    this.auth = auth;
    if (auth._mode === 'iam') return;
    if (auth._mode === 'secret' && !auth._secret) {
      this.ownSecret = newHttpSecret(this.scope, 'push-gateway', 'User name and password for pushing metrics');
    }
    if (this.secret) grantSecret(this.secret, this.parts.function);
    this.setVariables({ HTTP_AUTH: auth._mode, HTTP_AUTH_SECRET: this.secret?.secretArn });
  }

  /** Sends requests that cannot be delivered to the queue. */
  private useQueue(): void {
    const { scope, parts, delivery } = this;
    if (!parts.queue) {
      warn(
        scope,
        'httpWithoutQueue',
        'pushes that cannot be written at once are answered with 503 and lost unless the client repeats them, because there is no queue',
      );
      return;
    }
    grantSend(scope, parts.queue, parts.function);
    this.setVariables({ SPILL_QUEUE_URL: parts.queue.queueUrl, HTTP_DELIVERY: delivery });
  }

  private setVariables(variables: Record<string, string | undefined>): void {
    for (const [name, value] of Object.entries(defined(variables))) this.parts.function.addEnvironment(name, value);
  }
}

/** Like `LambdaTarget` of aws-elasticloadbalancingv2-targets, but invoked only for load balancers of the account. */
function targetOf(scope: Construct, fn: lambda.Function): elbv2.IApplicationLoadBalancerTarget {
  return {
    attachToApplicationTargetGroup: (group) => {
      // The ARN of the target group cannot be a condition, because the permission must exist before it.
      // https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
      fn.addPermission('AlbPermission', {
        scope,
        principal: new iam.ServicePrincipal('elasticloadbalancing.amazonaws.com'),
        sourceAccount: Stack.of(scope).account,
      });
      group.node.addDependency(scope.node.findChild('AlbPermission'));
      return { targetType: elbv2.TargetType.LAMBDA, targetJson: { id: fn.functionArn } };
    },
  };
}

/** The method and path, which name the job, but no header or query, which may contain a password. */
const ACCESS_LOG_FORMAT = JSON.stringify({
  requestId: '$context.requestId',
  time: '$context.requestTime',
  ip: '$context.identity.sourceIp',
  method: '$context.httpMethod',
  path: '$context.path',
  status: '$context.status',
  integrationError: '$context.integrationErrorMessage',
});
