/** HTTP endpoints: their resources, permissions, variables, alarms and errors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import {
  HttpAuth,
  HttpDelivery,
  PrometheusPushGateway,
  PrometheusPushGatewayProps,
} from 'cdk-serverless-prometheus-push-gateway';
import { choicesOf, gatewayTemplate, inStack, newGateway, newStack, only, variables } from './support';

const PERMISSION = 'AWS::Lambda::Permission';
const FUNCTION = { 'Fn::GetAtt': ['MetricsFunctionB5D3CECE', 'Arn'] };
const QUEUE = 'MetricsQueue8AD50ABF';

/** The variables for HTTP of the only function. */
function httpVariables(template: Template): Record<string, unknown> {
  const entries = Object.entries(variables(template));
  return Object.fromEntries(entries.filter(([name]) => /^(HTTP|SPILL)_/.test(name)));
}

/** The statements of the only policy of a role whose identifier starts with `role`. */
function statementsOf(template: Template, role: string): any[] {
  const policies = Object.values(template.findResources('AWS::IAM::Policy'));
  const found = policies.filter(({ Properties }) => Properties.Roles[0].Ref.startsWith(role));
  assert.equal(found.length, 1);
  return found[0].Properties.PolicyDocument.Statement;
}

function caller(stack: Stack): iam.Role {
  return new iam.Role(stack, 'Caller', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') });
}

function permissions(template: Template): any[] {
  return Object.values(template.findResources(PERMISSION)).map(({ Properties }) => Properties);
}

/** The identifiers and texts of the warnings of a gateway that `add` completes. */
function warnings(add: (gateway: PrometheusPushGateway) => void, props: PrometheusPushGatewayProps = {}): string[] {
  const stack = newStack();
  add(newGateway(stack, props));
  return Annotations.fromStack(stack)
    .findWarning('*', Match.anyValue())
    .map(({ entry }) => String(entry.data));
}

test('a function URL with IAM has no resource policy', () => {
  const template = gatewayTemplate({}, (gateway) => gateway.addFunctionUrl({ auth: HttpAuth.iam() }));
  assert.deepEqual(only(template, 'AWS::Lambda::Url'), { AuthType: 'AWS_IAM', TargetFunctionArn: FUNCTION });
  template.resourceCountIs(PERMISSION, 0);
  assert.deepEqual(httpVariables(template), { SPILL_QUEUE_URL: { Ref: QUEUE } });
});

test('a function URL with a secret is public', () => {
  const template = gatewayTemplate({}, (gateway) => gateway.addFunctionUrl({ auth: HttpAuth.secret() }));
  assert.deepEqual(only(template, 'AWS::Lambda::Url'), { AuthType: 'NONE', TargetFunctionArn: FUNCTION });
  assert.deepEqual(permissions(template), [
    { Action: 'lambda:InvokeFunctionUrl', FunctionName: FUNCTION, FunctionUrlAuthType: 'NONE', Principal: '*' },
    { Action: 'lambda:InvokeFunction', FunctionName: FUNCTION, InvokedViaFunctionUrl: true, Principal: '*' },
  ]);
});

test('a new secret has a user name and a generated password', () => {
  const template = gatewayTemplate({}, (gateway) => {
    assert.equal(gateway.httpSecret, undefined);
    gateway.addFunctionUrl({ auth: HttpAuth.secret() });
    gateway.addHttpApi({ auth: HttpAuth.secret() });
    assert.ok(gateway.httpSecret);
  });
  const [id] = Object.keys(template.findResources('AWS::SecretsManager::Secret'));
  const { GenerateSecretString } = only(template, 'AWS::SecretsManager::Secret');
  assert.deepEqual(JSON.parse(GenerateSecretString.SecretStringTemplate), { username: 'push-gateway' });
  assert.equal(GenerateSecretString.GenerateStringKey, 'password');
  assert.deepEqual(httpVariables(template), {
    HTTP_AUTH: 'secret',
    HTTP_AUTH_SECRET: { Ref: id },
    SPILL_QUEUE_URL: { Ref: QUEUE },
  });
  const statements = statementsOf(template, 'MetricsRole').slice(-2);
  assert.deepEqual(statements, [
    { Action: 'sqs:SendMessage', Effect: 'Allow', Resource: { 'Fn::GetAtt': [QUEUE, 'Arn'] } },
    { Action: 'secretsmanager:GetSecretValue', Effect: 'Allow', Resource: { Ref: id } },
  ]);
});

test('a given secret is read with its key', () => {
  const template = inStack((stack) => {
    const encryptionKey = new kms.Key(stack, 'Key');
    const secret = new secretsmanager.Secret(stack, 'Given', { encryptionKey });
    const gateway = newGateway(stack);
    gateway.addFunctionUrl({ auth: HttpAuth.secret(secret) });
    gateway.addHttpApi({ auth: HttpAuth.secret(secret) });
    assert.equal(gateway.httpSecret, secret);
  });
  const [secret] = Object.keys(template.findResources('AWS::SecretsManager::Secret'));
  const [key] = Object.keys(template.findResources('AWS::KMS::Key'));
  const statements = statementsOf(template, 'MetricsRole').slice(-2);
  assert.deepEqual(statements, [
    { Action: 'secretsmanager:GetSecretValue', Effect: 'Allow', Resource: { Ref: secret } },
    {
      Action: 'kms:Decrypt',
      Condition: {
        StringEquals: {
          'kms:ViaService': { 'Fn::Join': ['', ['secretsmanager.', { Ref: 'AWS::Region' }, '.amazonaws.com']] },
        },
      },
      Effect: 'Allow',
      Resource: { 'Fn::GetAtt': [key, 'Arn'] },
    },
  ]);
});

test('grantPush allows only the endpoints with IAM', () => {
  const template = inStack((stack) => {
    const gateway = newGateway(stack);
    gateway.addFunctionUrl({ auth: HttpAuth.iam() });
    gateway.addHttpApi({ auth: HttpAuth.iam(), stageName: 'prod' });
    gateway.grantPush(caller(stack));
  });
  const [api] = Object.keys(template.findResources('AWS::ApiGatewayV2::Api'));
  assert.deepEqual(statementsOf(template, 'Caller'), [
    {
      Action: 'lambda:InvokeFunctionUrl',
      Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } },
      Effect: 'Allow',
      Resource: FUNCTION,
    },
    {
      Action: 'lambda:InvokeFunction',
      Condition: { Bool: { 'lambda:InvokedViaFunctionUrl': true } },
      Effect: 'Allow',
      Resource: FUNCTION,
    },
    { Action: 'execute-api:Invoke', Effect: 'Allow', Resource: executeApi(api, '/prod/*') },
  ]);
});

test('an HTTP API has a limit, an access log and no CORS', () => {
  const template = gatewayTemplate({}, (gateway) => gateway.addHttpApi({ auth: HttpAuth.iam() }));
  const { CorsConfiguration, ProtocolType } = only(template, 'AWS::ApiGatewayV2::Api');
  assert.deepEqual({ CorsConfiguration, ProtocolType }, { CorsConfiguration: undefined, ProtocolType: 'HTTP' });
  assert.equal(only(template, 'AWS::ApiGatewayV2::Integration').PayloadFormatVersion, '2.0');
  const { AuthorizationType, RouteKey } = only(template, 'AWS::ApiGatewayV2::Route');
  assert.deepEqual({ AuthorizationType, RouteKey }, { AuthorizationType: 'AWS_IAM', RouteKey: '$default' });
  const { AccessLogSettings, AutoDeploy, DefaultRouteSettings, StageName } = only(template, 'AWS::ApiGatewayV2::Stage');
  assert.deepEqual(DefaultRouteSettings, { ThrottlingBurstLimit: 2000, ThrottlingRateLimit: 1000 });
  assert.deepEqual({ AutoDeploy, StageName }, { AutoDeploy: true, StageName: '$default' });
  const log: string = AccessLogSettings.DestinationArn['Fn::GetAtt'][0];
  assert.equal(template.findResources('AWS::Logs::LogGroup')[log].Properties.RetentionInDays, 30);
  assert.equal(JSON.parse(AccessLogSettings.Format).status, '$context.status');
});

test('an HTTP API may invoke the function', () => {
  const template = gatewayTemplate({}, (gateway) =>
    gateway.addHttpApi({ auth: HttpAuth.secret(), rateLimit: 10, burstLimit: 20, stageName: 'prod' }),
  );
  const [api] = Object.keys(template.findResources('AWS::ApiGatewayV2::Api'));
  assert.deepEqual(permissions(template), [
    {
      Action: 'lambda:InvokeFunction',
      FunctionName: FUNCTION,
      Principal: 'apigateway.amazonaws.com',
      SourceArn: executeApi(api, '/*/*'),
    },
  ]);
  assert.equal(only(template, 'AWS::ApiGatewayV2::Route').AuthorizationType, 'NONE');
  const { DefaultRouteSettings, StageName } = only(template, 'AWS::ApiGatewayV2::Stage');
  assert.deepEqual(DefaultRouteSettings, { ThrottlingBurstLimit: 20, ThrottlingRateLimit: 10 });
  assert.equal(StageName, 'prod');
});

test('the access log may be given', () => {
  const template = inStack((stack) => {
    const accessLogGroup = new logs.LogGroup(stack, 'Given');
    newGateway(stack).addHttpApi({ auth: HttpAuth.iam(), accessLogGroup });
  });
  const { AccessLogSettings } = only(template, 'AWS::ApiGatewayV2::Stage');
  assert.match(AccessLogSettings.DestinationArn['Fn::GetAtt'][0], /^Given/);
});

test('a load balancer may invoke the function', () => {
  const template = gatewayTemplate({}, (gateway) =>
    gateway.addAlbTarget({ auth: HttpAuth.secret(), basePath: '/push' }),
  );
  const group = only(template, 'AWS::ElasticLoadBalancingV2::TargetGroup');
  assert.deepEqual(group, {
    HealthCheckEnabled: true,
    HealthCheckPath: '/push/-/healthy',
    Matcher: { HttpCode: '200' },
    TargetGroupAttributes: [{ Key: 'lambda.multi_value_headers.enabled', Value: 'true' }],
    Targets: [{ Id: FUNCTION }],
    TargetType: 'lambda',
  });
  assert.deepEqual(permissions(template), [
    {
      Action: 'lambda:InvokeFunction',
      FunctionName: FUNCTION,
      Principal: 'elasticloadbalancing.amazonaws.com',
      SourceAccount: { Ref: 'AWS::AccountId' },
    },
  ]);
  assert.equal(variables(template).HTTP_BASE_PATH, '/push');
});

test('a load balancer may pass only the last value of a header', () => {
  const template = gatewayTemplate({}, (gateway) =>
    gateway.addAlbTarget({ auth: HttpAuth.secret(), multiValueHeaders: false }),
  );
  const group = only(template, 'AWS::ElasticLoadBalancingV2::TargetGroup');
  assert.equal(group.TargetGroupAttributes, undefined);
  assert.equal(group.HealthCheckPath, '/-/healthy');
});

test('the function takes the secret if an endpoint has one', () => {
  for (const auths of [
    [HttpAuth.iam(), HttpAuth.secret()],
    [HttpAuth.secret(), HttpAuth.iam()],
  ]) {
    const template = gatewayTemplate({}, (gateway) => {
      gateway.addFunctionUrl({ auth: auths[0] });
      gateway.addHttpApi({ auth: auths[1] });
    });
    assert.equal(variables(template).HTTP_AUTH, 'secret');
    template.resourceCountIs('AWS::SecretsManager::Secret', 1);
  }
});

test('an endpoint without authentication gives a warning', () => {
  const auth = HttpAuth.none();
  assert.equal(variables(gatewayTemplate({}, (gateway) => gateway.addAlbTarget({ auth }))).HTTP_AUTH, 'none');
  assert.deepEqual(
    warnings((gateway) => {
      gateway.addFunctionUrl({ auth });
      gateway.addAlbTarget({ auth });
    }),
    [
      'the function URL serves every request that reaches it, because auth is HttpAuth.none; anyone on the internet can write metrics' +
        ' [ack: cdk-serverless-prometheus-push-gateway:httpWithoutAuth]',
      'the target of a load balancer serves every request that reaches it, because auth is HttpAuth.none; its network must keep others out' +
        ' [ack: cdk-serverless-prometheus-push-gateway:httpWithoutAuth]',
    ],
  );
});

test('pushes are not queued without a queue', () => {
  const add = (gateway: PrometheusPushGateway) => void gateway.addFunctionUrl({ auth: HttpAuth.iam() });
  const props = { directInvokeOnly: true };
  assert.deepEqual(httpVariables(gatewayTemplate(props, add)), {});
  assert.deepEqual(warnings(add, props), [
    'pushes that cannot be written at once are answered with 503 and lost unless the client repeats them, because there is no queue' +
      ' [ack: cdk-serverless-prometheus-push-gateway:httpWithoutQueue]',
  ]);
});

test('a FIFO queue takes pushes', () => {
  const add = (gateway: PrometheusPushGateway) => void gateway.addFunctionUrl({ auth: HttpAuth.iam() });
  const props = { fifo: true, httpDelivery: HttpDelivery.QUEUE };
  assert.deepEqual(httpVariables(gatewayTemplate(props, add)), {
    HTTP_DELIVERY: 'queue',
    SPILL_QUEUE_URL: { Ref: QUEUE },
  });
});

test('the delivery is set with an endpoint', () => {
  const props = { httpDelivery: HttpDelivery.QUEUE };
  assert.deepEqual(httpVariables(gatewayTemplate(props)), {});
  const template = gatewayTemplate(props, (gateway) => gateway.addFunctionUrl({ auth: HttpAuth.iam() }));
  assert.equal(variables(template).HTTP_DELIVERY, 'queue');
});

/** The names and thresholds of the alarms on the endpoints, which are added before or after the alarms. */
function endpointAlarms(first: 'alarms' | 'endpoints', options = {}): Template {
  return inStack((stack) => {
    const gateway = newGateway(stack);
    const addAlarms = () => gateway.addAlarms(new sns.Topic(stack, 'Topic'), options);
    if (first === 'alarms') addAlarms();
    gateway.addFunctionUrl({ auth: HttpAuth.secret() });
    gateway.addHttpApi({ auth: HttpAuth.secret() });
    const group = gateway.addAlbTarget({ auth: HttpAuth.secret() });
    if (first === 'endpoints') {
      const { clientErrors, serverErrors } = addAlarms();
      assert.deepEqual([clientErrors.length, serverErrors.length], [3, 3]);
    }
    const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 0 });
    const balancer = new elbv2.ApplicationLoadBalancer(stack, 'Balancer', { vpc });
    balancer.addListener('Http', { port: 80, defaultTargetGroups: [group] });
  });
}

test('each endpoint has alarms on its errors', () => {
  for (const first of ['alarms', 'endpoints'] as const) {
    const template = endpointAlarms(first);
    template.resourceCountIs('AWS::CloudWatch::Alarm', 5 + 6);
    for (const [Namespace, MetricName, dimensions, Threshold] of [
      ['AWS/Lambda', 'Url4xxCount', ['FunctionName'], 50],
      ['AWS/Lambda', 'Url5xxCount', ['FunctionName'], 1],
      ['AWS/ApiGateway', '4xx', ['ApiId'], 50],
      ['AWS/ApiGateway', '5xx', ['ApiId'], 1],
      ['AWS/ApplicationELB', 'HTTPCode_Target_4XX_Count', ['LoadBalancer', 'TargetGroup'], 50],
      ['AWS/ApplicationELB', 'HTTPCode_Target_5XX_Count', ['LoadBalancer', 'TargetGroup'], 1],
    ] as [string, string, string[], number][]) {
      template.hasResourceProperties('AWS::CloudWatch::Alarm', {
        Dimensions: dimensions.map((Name) => Match.objectLike({ Name })),
        MetricName,
        Namespace,
        Period: 300,
        Statistic: 'Sum',
        Threshold,
      });
    }
  }
});

test('the thresholds of the endpoints may change', () => {
  const template = endpointAlarms('alarms', { clientErrorsThreshold: 7, serverErrorsThreshold: 8 });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'Url4xxCount', Threshold: 7 });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'Url5xxCount', Threshold: 8 });
});

test('a function URL has metrics of its errors', () => {
  const gateway = newGateway(newStack());
  const names = [gateway.metricUrlClientErrors(), gateway.metricUrlServerErrors()].map(
    ({ namespace, metricName, statistic }) => [namespace, metricName, statistic].join(' '),
  );
  assert.deepEqual(names, ['AWS/Lambda Url4xxCount Sum', 'AWS/Lambda Url5xxCount Sum']);
});

const secretOf = (stack: Stack, id: string) => new secretsmanager.Secret(stack, id);

for (const [add, message] of [
  [
    (gateway) => {
      gateway.addFunctionUrl({ auth: HttpAuth.iam() });
      gateway.addFunctionUrl({ auth: HttpAuth.iam() });
    },
    'the gateway already has a function URL',
  ],
  [
    (gateway) => {
      gateway.addFunctionUrl({ auth: HttpAuth.none() });
      gateway.addHttpApi({ auth: HttpAuth.iam() });
    },
    'auth: HttpAuth.none cannot be combined with the auth of another endpoint, because one function serves both',
  ],
  [
    (gateway) => {
      gateway.addHttpApi({ auth: HttpAuth.secret() });
      gateway.addFunctionUrl({ auth: HttpAuth.none() });
    },
    'auth: HttpAuth.none cannot be combined with the auth of another endpoint, because one function serves both',
  ],
  [
    (gateway) => {
      gateway.addHttpApi({ auth: HttpAuth.secret() });
      gateway.addFunctionUrl({ auth: HttpAuth.secret(secretOf(Stack.of(gateway), 'Given')) });
    },
    'auth: expected the secret of the other endpoints, got another one, because one function serves both',
  ],
  [
    (gateway) => gateway.addAlbTarget({ auth: HttpAuth.iam() }),
    'auth: expected HttpAuth.secret or HttpAuth.none, because a load balancer does not authenticate with IAM, got HttpAuth.iam',
  ],
  [
    (gateway) => gateway.addHttpApi({ auth: HttpAuth.iam(), basePath: 'push/' }),
    'basePath: expected segments of letters, digits and "-._~", each after a slash, got "push/"',
  ],
  [
    (gateway) => {
      gateway.addHttpApi({ auth: HttpAuth.secret(), basePath: '/push' });
      gateway.addAlbTarget({ auth: HttpAuth.secret(), basePath: '/metrics' });
    },
    'basePath: expected that of the other endpoints, "/push", got "/metrics"',
  ],
  [
    (gateway) => gateway.addHttpApi({ auth: HttpAuth.iam(), stageName: 'a/b', rateLimit: 0, burstLimit: 0 }),
    'rateLimit: expected an integer between 1 and 9007199254740991, got 0; ' +
      'burstLimit: expected an integer between 1 and 9007199254740991, got 0; ' +
      'stageName: expected "$default" or 1 to 128 letters, digits, hyphens and underscores, got "a/b"',
  ],
  [
    (gateway) => {
      gateway.addFunctionUrl({ auth: HttpAuth.secret() });
      gateway.grantPush(gateway);
    },
    'grantPush requires an endpoint with HttpAuth.iam',
  ],
] as [(gateway: PrometheusPushGateway) => void, string][]) {
  test(`fails: ${message}`.slice(0, 60), () => {
    const gateway = newGateway(newStack());
    assert.throws(() => add(gateway), { message: `Stack/Metrics: ${message}` });
  });
}

test('HttpDelivery.QUEUE fails without a queue', () => {
  const props = { directInvokeOnly: true, httpDelivery: HttpDelivery.QUEUE };
  assert.throws(() => newGateway(newStack(), props), {
    message: 'Stack/Metrics: httpDelivery: expected DIRECT, because there is no queue, got QUEUE',
  });
});

test('the function supports every HttpAuth', () => {
  const builtIn = ['length', 'name', 'prototype'];
  const methods = Object.getOwnPropertyNames(HttpAuth).filter((name) => !builtIn.includes(name));
  assert.deepEqual(methods, choicesOf('http-endpoint', 'HTTP_AUTH'));
});

/** The ARN of requests to an API. */
function executeApi(api: string, rest: string) {
  const ref = (name: string) => ({ Ref: name });
  const parts = ['arn:', ref('AWS::Partition'), ':execute-api:', ref('AWS::Region'), ':', ref('AWS::AccountId'), ':'];
  return { 'Fn::Join': ['', [...parts, ref(api), rest]] };
}
