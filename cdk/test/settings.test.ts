/** Names, concurrency, keys, thresholds, workspaces of other constructs, code and workspace policies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Duration, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as aps from 'aws-cdk-lib/aws-aps';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import {
  PrometheusPushGatewayProps,
  PrometheusWorkspace,
  PushGatewayAlarmOptions,
  QueryOperation,
  ShippedCode,
  TelemetryDestination,
} from 'cdk-serverless-prometheus-push-gateway';
import {
  gatewayTemplate,
  importedWorkspace,
  inStack,
  newGateway,
  newQueries,
  newStack,
  newTelemetry,
  only,
  someFunction,
  variables,
} from './support';

const FUNCTION = 'AWS::Lambda::Function';
const ALARM = 'AWS::CloudWatch::Alarm';

test('the function has the given name and concurrency', () => {
  gatewayTemplate({
    functionName: 'metrics_1',
    reservedConcurrentExecutions: 10,
    maxConcurrency: 10,
  }).hasResourceProperties(FUNCTION, {
    FunctionName: 'metrics_1',
    ReservedConcurrentExecutions: 10,
  });
});

for (const [props, message] of [
  [{ functionName: 'a.b' }, 'functionName: expected 1 to 64 letters, digits, hyphens and underscores, got "a.b"'],
  [
    { reservedConcurrentExecutions: -1 },
    'reservedConcurrentExecutions: expected an integer between 0 and 9007199254740991, got -1',
  ],
  [
    { maxConcurrency: 10, reservedConcurrentExecutions: 9 },
    'maxConcurrency: expected at most reservedConcurrentExecutions (9), got 10',
  ],
] as [PrometheusPushGatewayProps, string][]) {
  test(`fails: ${message}`.slice(0, 60), () => {
    assert.throws(() => newGateway(newStack(), props), { message: `Stack/Metrics: ${message}` });
  });
}

test('fails if a function and its settings are given', () => {
  for (const [prop, value] of Object.entries({
    functionName: 'a',
    memorySize: 256,
    environmentEncryption: true,
  })) {
    const stack = newStack();
    const fn = someFunction(stack, 'Fn', {
      runtime: lambda.Runtime.PROVIDED_AL2023,
      handler: 'bootstrap',
      code: lambda.Code.fromAsset(__dirname),
    });
    const given = value === true ? new kms.Key(stack, 'Key') : value;
    assert.throws(() => newGateway(stack, { function: fn, [prop]: given }), {
      message: `Stack/Metrics: function and ${prop} cannot be set together`,
    });
  }
});

test('the function may decrypt its variables', () => {
  const template = inStack((stack) => newGateway(stack, { environmentEncryption: new kms.Key(stack, 'Key') }));
  const key = { 'Fn::GetAtt': [Match.stringLikeRegexp('^Key'), 'Arn'] };
  template.hasResourceProperties(FUNCTION, { KmsKeyArn: key });
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: { Statement: Match.arrayWith([{ Action: 'kms:Decrypt', Effect: 'Allow', Resource: key }]) },
    Roles: [{ Ref: Match.stringLikeRegexp('^MetricsRole') }],
  });
});

function thresholds(options: PushGatewayAlarmOptions): Record<string, number> {
  const stack = newStack();
  newGateway(stack).addAlarms(new sns.Topic(stack, 'Topic'), options);
  const found = Object.entries(Template.fromStack(stack).findResources(ALARM));
  return Object.fromEntries(
    found.map(([id, { Properties }]) => [/^MetricsAlarms(\w+)[0-9A-F]{8}$/.exec(id)![1], Properties.Threshold]),
  );
}

test('each alarm has the given threshold', () => {
  const options = {
    deadLettersThreshold: 2,
    maxAgeOfOldestMessage: Duration.seconds(3),
    errorsThreshold: 4,
    throttlesThreshold: 5,
    discardedSamplesThreshold: 6,
  };
  assert.deepEqual(thresholds(options), {
    DeadLetters: 2,
    AgeOfOldestMessage: 3,
    Errors: 4,
    Throttles: 5,
    DiscardedSamples: 6,
  });
  assert.deepEqual(thresholds({}), {
    DeadLetters: 1,
    AgeOfOldestMessage: 300,
    Errors: 1,
    Throttles: 1,
    DiscardedSamples: 1,
  });
});

for (const prop of ['deadLettersThreshold', 'errorsThreshold', 'throttlesThreshold', 'discardedSamplesThreshold']) {
  test(`fails if ${prop} is 0`, () => {
    assert.throws(() => thresholds({ [prop]: 0 }), {
      message: `Stack/Metrics: ${prop}: expected an integer between 1 and 9007199254740991, got 0`,
    });
  });
}

/** Each construct that takes a workspace, with the variable for its URL. */
for (const [what, use, variable, action] of [
  [
    'a gateway',
    (workspace, stack) => newGateway(stack, { workspace, directInvokeOnly: true }),
    'REMOTE_WRITE_URL',
    'aps:RemoteWrite',
  ],
  [
    'query functions',
    (workspace, stack) => newQueries(stack, { workspace, operations: [QueryOperation.QUERY] }),
    'WORKSPACE_URL',
    'aps:QueryMetrics',
  ],
  [
    'telemetry',
    (workspace, stack) =>
      newTelemetry(stack, { destination: TelemetryDestination.workspace(workspace) }).addTo(someFunction(stack)),
    'TELEMETRY_REMOTE_WRITE_URL',
    'aps:RemoteWrite',
  ],
] as [string, (workspace: aps.IWorkspaceRef, stack: Stack) => void, string, string][]) {
  test(`${what} can use a workspace of another construct`, () => {
    const template = inStack((stack) => use(new aps.CfnWorkspace(stack, 'Raw'), stack));
    template.resourceCountIs('AWS::APS::Workspace', 1);
    const url = JSON.stringify(variables(template)[variable]);
    assert.match(url, /https:\/\/aps-workspaces\..*AWS::Region.*workspaces.*Fn::Select.*\{"Ref":"Raw"\}/);
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: { Statement: Match.arrayWith([{ Action: action, Effect: 'Allow', Resource: { Ref: 'Raw' } }]) },
    });
  });
}

test('one workspace of another construct serves several constructs', () => {
  const stack = newStack();
  const workspace = new aps.CfnWorkspace(stack, 'Raw');
  const gateway = newGateway(stack, { workspace });
  const queries = newQueries(stack, { workspace, operations: [QueryOperation.QUERY] });
  assert.doesNotThrow(() => queries.allowWorkspace(new aps.CfnWorkspace(stack, 'Further')));
  assert.deepEqual(gateway.workspace.workspaceRef, workspace.workspaceRef);
  gateway.addAlarms(new sns.Topic(stack, 'Topic'));
  assert.deepEqual(Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('discarded')), []);
});

test('addToResourcePolicy creates one policy', () => {
  const template = inStack((stack) => {
    const workspace = new PrometheusWorkspace(stack, 'Workspace');
    const statement = (account: string, action: string) =>
      new iam.PolicyStatement({
        principals: [new iam.AccountPrincipal(account)],
        actions: [action],
        resources: [workspace.workspaceArn],
      });
    assert.equal(workspace.addToResourcePolicy(statement('111111111111', 'aps:RemoteWrite')).statementAdded, true);
    workspace.addToResourcePolicy(statement('222222222222', 'aps:QueryMetrics'));
  });
  const { PolicyDocument, WorkspaceArn } = only(template, 'AWS::APS::ResourcePolicy');
  const arn = { 'Fn::GetAtt': [Match.stringLikeRegexp('^Workspace'), 'Arn'] };
  template.hasResourceProperties('AWS::APS::ResourcePolicy', { WorkspaceArn: arn });
  const text = PolicyDocument['Fn::Join'][1]
    .map((part: unknown) =>
      typeof part === 'string' ? part : JSON.stringify(part) === JSON.stringify(WorkspaceArn) ? 'ARN' : 'aws',
    )
    .join('');
  assert.deepEqual(JSON.parse(text), {
    Statement: [
      {
        Action: 'aps:RemoteWrite',
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::111111111111:root' },
        Resource: 'ARN',
      },
      {
        Action: 'aps:QueryMetrics',
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::222222222222:root' },
        Resource: 'ARN',
      },
    ],
    Version: '2012-10-17',
  });
});

test('a grant to another account is in the workspace policy', () => {
  const template = inStack((stack) => {
    new PrometheusWorkspace(stack, 'Workspace').grantRemoteWrite(new iam.AccountPrincipal('111111111111'));
  });
  assert.match(
    JSON.stringify(only(template, 'AWS::APS::ResourcePolicy').PolicyDocument),
    /aps:RemoteWrite.*111111111111/,
  );
});

test('an imported workspace warns about another account', () => {
  const stack = newStack();
  const grant = importedWorkspace(stack).grantRemoteWrite(new iam.AccountPrincipal('111111111111'));
  assert.equal(grant.success, false);
  const [warning, ...others] = warningsOf(stack);
  assert.deepEqual(others, []);
  const [, path, statement] =
    /^the policy of the workspace (\S+) cannot change because the workspace is imported; add to it: (.*) \[ack: .*\]$/.exec(
      warning,
    ) ?? [];
  assert.equal(path, 'Stack/Workspacews-12345678-abcd-1234-abcd-123456789012');
  assert.deepEqual(JSON.parse(statement), {
    Action: 'aps:RemoteWrite',
    Effect: 'Allow',
    Principal: { AWS: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':iam::111111111111:root']] } },
    Resource: 'arn:aws:aps:eu-west-1:123456789012:workspace/ws-12345678-abcd-1234-abcd-123456789012',
  });
});

test('a grant to a role elsewhere is in the workspace policy', () => {
  const env = { account: '123456789012', region: 'eu-west-1' };
  const template = inStack(
    (stack) => {
      const role = iam.Role.fromRoleArn(stack, 'Role', 'arn:aws:iam::111111111111:role/reader');
      assert.equal(new PrometheusWorkspace(stack, 'Workspace').grantQuery(role).success, true);
    },
    { env },
  );
  assert.match(
    JSON.stringify(only(template, 'AWS::APS::ResourcePolicy').PolicyDocument),
    /aps:QueryMetrics.*111111111111:role\/reader/,
  );
});

test('without env, a grant is in the policy of the role', () => {
  const template = inStack((stack) => {
    const workspace = new PrometheusWorkspace(stack, 'Workspace');
    workspace.grant(iam.Role.fromRoleArn(stack, 'Role', 'arn:aws:iam::123456789012:role/own'), 'aps:DescribeWorkspace');
  });
  template.resourceCountIs('AWS::APS::ResourcePolicy', 0);
  const [{ Action }] = only(template, 'AWS::IAM::Policy').PolicyDocument.Statement;
  assert.equal(Action, 'aps:DescribeWorkspace');
});

test('an immutable role is not in the workspace policy', () => {
  const stack = newStack();
  const role = iam.Role.fromRoleArn(stack, 'Role', 'arn:aws:iam::123456789012:role/own', { mutable: false });
  new PrometheusWorkspace(stack, 'Workspace').grantQuery(role);
  Template.fromStack(stack).resourceCountIs('AWS::APS::ResourcePolicy', 0);
  assert.match(
    warningsOf(stack).join(),
    /^the role Stack\/Role is imported as immutable and gets no permission; [^]*aps:QueryMetrics/,
  );
});

test('an imported function gives a warning', () => {
  const stack = newStack();
  const fn = lambda.Function.fromFunctionArn(stack, 'Reader', 'arn:aws:lambda:eu-west-1:123456789012:function:reader');
  new PrometheusWorkspace(stack, 'Workspace').grantQuery(fn);
  Template.fromStack(stack).resourceCountIs('AWS::APS::ResourcePolicy', 0);
  assert.match(warningsOf(stack).join(), /^Add statement to this resource's role: .*aps:QueryMetrics/);
});

const warningsOf = (stack: Stack) =>
  Annotations.fromStack(stack)
    .findWarning('*', Match.anyValue())
    .map(({ entry }) => String(entry.data));

test('a workspace without statements has no policy', () => {
  const template = inStack((stack) => {
    newGateway(stack);
    const principals = [new iam.AccountPrincipal('111111111111')];
    const statement = new iam.PolicyStatement({ principals, actions: ['aps:RemoteWrite'], resources: ['*'] });
    assert.deepEqual(importedWorkspace(stack).addToResourcePolicy(statement), { statementAdded: false });
  });
  template.resourceCountIs('AWS::APS::ResourcePolicy', 0);
});

test('fails if a statement of the workspace has no principal', () => {
  const stack = newStack();
  const workspace = new PrometheusWorkspace(stack, 'Workspace');
  workspace.addToResourcePolicy(
    new iam.PolicyStatement({ actions: ['aps:RemoteWrite'], resources: [workspace.workspaceArn] }),
  );
  assert.throws(
    () => Template.fromStack(stack),
    /A PolicyStatement used in a resource-based policy must specify at least one IAM principal/,
  );
});

for (const what of ['pushGateway', 'query', 'telemetryExtension'] as const) {
  test(`ShippedCode.${what} returns the code or an error`, () => {
    for (const architecture of [lambda.Architecture.ARM_64, lambda.Architecture.X86_64]) {
      try {
        assert.ok(ShippedCode[what](architecture).bind(newStack()).s3Location);
      } catch (error) {
        assert.match(
          (error as Error).message,
          new RegExp(
            `^the .* for architecture ${architecture.name} is missing in .*; build it with "npm run build:lambda"`,
          ),
        );
      }
    }
  });
}
