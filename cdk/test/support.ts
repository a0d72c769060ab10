/** Stacks, templates, sources and documents for the tests. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
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

/** Variables for the network of a function, for which constructs have no props. */
export const NETWORK_VARIABLES = ['AWS_CA_BUNDLE', 'CA_CERTIFICATES', 'HTTPS_PROXY', 'NO_PROXY'];

/** Code that needs no build. */
export function someCode(): lambda.Code {
  return lambda.Code.fromAsset(path.join(PACKAGE, 'test', 'fixtures', 'function'));
}

export function newStack(props?: StackProps): Stack {
  return new Stack(new App(), 'Stack', props);
}

/** The template of a stack with a gateway. `more` may add to it. */
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

/** Query functions, by default for an imported workspace. */
export function newQueries(stack: Stack, props: Partial<PrometheusQueryFunctionsProps> = {}): PrometheusQueryFunctions {
  const workspace = props.workspace ?? importedWorkspace(stack);
  return new PrometheusQueryFunctions(stack, 'Queries', { code: someCode(), ...props, workspace });
}

/** The extension, by default with an imported workspace as destination. */
export function newTelemetry(
  stack: Stack,
  props: Partial<PrometheusTelemetryExtensionProps> = {},
): PrometheusTelemetryExtension {
  const destination = props.destination ?? TelemetryDestination.workspace(importedWorkspace(stack));
  return new PrometheusTelemetryExtension(stack, 'Telemetry', { code: someLayer(), ...props, destination });
}

/** The content of a layer for both architectures. */
export function someLayer(): lambda.Code {
  return lambda.Code.fromAsset(path.join(PACKAGE, 'test', 'fixtures', 'layer'));
}

/** A function of an app. */
export function someFunction(stack: Stack, id = 'Fn', props: Partial<lambda.FunctionProps> = {}): lambda.Function {
  return new lambda.Function(stack, id, {
    architecture: lambda.Architecture.ARM_64,
    code: lambda.Code.fromInline('def handler(event, context): return event'),
    handler: 'index.handler',
    runtime: lambda.Runtime.PYTHON_3_13,
    ...props,
  });
}

/** A workspace with a readable ARN and endpoint. */
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

/** `template` without hashes of assets. */
export function withoutHashes(template: Template): unknown {
  return JSON.parse(JSON.stringify(template.toJSON()).replace(/[0-9a-f]{64}\.zip/g, '<asset>.zip'));
}

/** The Rust sources of a crate in `lambda`, without tests. */
export function rustSources(crate: string): string {
  const src = path.join(REPOSITORY, 'lambda', crate, 'src');
  const files = fs
    .readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.rs$/.test(file) && !/tests/.test(file));
  return files.map((file) => fs.readFileSync(path.join(src, file), 'utf8').split('#[cfg(test)]')[0]).join('\n');
}

/** The choices that a crate documents for a variable in its error text. */
export function choicesOf(crate: string, variable: string): string[] {
  const found = new RegExp(`"${variable}",\\s*"((?:[\\w.-]+, )*[\\w.-]+ or [\\w.-]+)"`).exec(rustSources(crate));
  assert.ok(found, `${crate} has choices for ${variable}`);
  return found[1].split(/, | or /);
}

/** The part of the gateway's documentation that matches `pattern`: in the README of its crate, or that of the repository. */
export function documentedInReadme(pattern: RegExp): string {
  const files = ['lambda/push-gateway/README.md', 'README.md'].map((file) => path.join(REPOSITORY, file));
  const texts = files.filter((file) => fs.existsSync(file)).map((file) => fs.readFileSync(file, 'utf8'));
  const found = texts.map((text) => pattern.exec(text)).find((match) => match);
  assert.ok(found, `a README matches ${pattern}`);
  return found[1];
}
