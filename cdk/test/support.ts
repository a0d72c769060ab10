/** Shared by the tests: a stack with a gateway, and its template. */
import * as path from 'node:path';
import { App, Stack, StackProps } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import {
  PrometheusPushGateway,
  PrometheusPushGatewayProps,
  PrometheusQueryFunctions,
  PrometheusQueryFunctionsProps,
  PrometheusTelemetryExtension,
  PrometheusTelemetryExtensionProps,
  PrometheusWorkspace,
  TelemetryDestination,
} from 'cdk-serverless-prometheus-push-gateway';

export const PACKAGE = path.resolve(__dirname, '..', '..');
export const REPOSITORY = path.resolve(PACKAGE, '..');

/** Variables for which no construct has a prop: how a function connects is between it and its network. */
export const NETWORK_VARIABLES = ['AWS_CA_BUNDLE', 'CA_CERTIFICATES', 'HTTPS_PROXY', 'NO_PROXY'];

/** Some code, so that no function has to be built for what is not about it. */
export function someCode(): lambda.Code {
  return lambda.Code.fromAsset(path.join(PACKAGE, 'test', 'fixtures', 'function'));
}

export function newStack(props?: StackProps): Stack {
  return new Stack(new App(), 'Stack', props);
}

/** A stack that holds a gateway with `props` and nothing else, unless `more` adds to it. */
export function gatewayTemplate(
  props: PrometheusPushGatewayProps = {},
  more: (gateway: PrometheusPushGateway) => void = () => {},
): Template {
  return inStack((stack) => more(newGateway(stack, props)));
}

/** The template of a stack that `fill` fills. */
export function inStack(fill: (stack: Stack) => void, props?: StackProps): Template {
  const stack = newStack(props);
  fill(stack);
  return Template.fromStack(stack);
}

export function newGateway(stack: Stack, props: PrometheusPushGatewayProps = {}): PrometheusPushGateway {
  return new PrometheusPushGateway(stack, 'Metrics', props.function ? props : { code: someCode(), ...props });
}

/** Query functions for an imported workspace, unless `props` has another. */
export function newQueries(stack: Stack, props: Partial<PrometheusQueryFunctionsProps> = {}): PrometheusQueryFunctions {
  const workspace = props.workspace ?? importedWorkspace(stack);
  return new PrometheusQueryFunctions(stack, 'Queries', { code: someCode(), ...props, workspace });
}

/** The extension, which writes to an imported workspace unless `props` says otherwise. */
export function newTelemetry(
  stack: Stack,
  props: Partial<PrometheusTelemetryExtensionProps> = {},
): PrometheusTelemetryExtension {
  const destination = props.destination ?? TelemetryDestination.workspace(importedWorkspace(stack));
  return new PrometheusTelemetryExtension(stack, 'Telemetry', { code: someLayer(), ...props, destination });
}

/** Some content of a layer, for either architecture. */
export function someLayer(): lambda.Code {
  return lambda.Code.fromAsset(path.join(PACKAGE, 'test', 'fixtures', 'layer'));
}

/** A function as somebody else wrote it. */
export function someFunction(stack: Stack, id = 'Fn', props: Partial<lambda.FunctionProps> = {}): lambda.Function {
  return new lambda.Function(stack, id, {
    architecture: lambda.Architecture.ARM_64,
    code: lambda.Code.fromInline('def handler(event, context): return event'),
    handler: 'index.handler',
    runtime: lambda.Runtime.PYTHON_3_13,
    ...props,
  });
}

/** A workspace with ARN and endpoint that can be read in a template. */
export function importedWorkspace(stack: Stack, id = 'ws-12345678-abcd-1234-abcd-123456789012') {
  return PrometheusWorkspace.fromWorkspaceAttributes(stack, `Workspace${id}`, {
    workspaceArn: `arn:aws:aps:eu-west-1:123456789012:workspace/${id}`,
  });
}

/** The properties of the only resource of a type. */
export function only(template: Template, type: string): Record<string, any> {
  const found = Object.values(template.findResources(type));
  if (found.length !== 1) throw new Error(`${found.length} resources of type ${type}, not one`);
  return (found[0].Properties ?? {}) as Record<string, any>;
}

/** The environment variables of the only function. */
export function variables(template: Template): Record<string, any> {
  return only(template, 'AWS::Lambda::Function').Environment?.Variables ?? {};
}

/** `template` without what depends on the bytes of assets. */
export function withoutHashes(template: Template): unknown {
  return JSON.parse(JSON.stringify(template.toJSON()).replace(/[0-9a-f]{64}\.zip/g, '<asset>.zip'));
}
