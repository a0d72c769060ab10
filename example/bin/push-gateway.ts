#!/usr/bin/env node
/**
 * The CDK app. Its context values become props of the stack.
 *
 * `alarmEmail`: address for alarms. `architecture`: `arm64` (the default) or `x86_64`. `functionUrl`, `queryUrl`,
 * `agentGateway`: `true` to add a function URL for pushes, one for queries, or an agent gateway. `code`, `queryCode`,
 * `extensionCode`: folders with your own builds of the gateway, the query functions (a file `bootstrap` each) and the
 * telemetry extension (a file `extensions/telemetry-extension`).
 */

import { App } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';

import { PushGatewayStack } from '../lib/push-gateway-stack.js';

const ARCHITECTURES = [lambda.Architecture.ARM_64, lambda.Architecture.X86_64];

const app = new App();

function contextText(name: string): string | undefined {
  const value: unknown = app.node.tryGetContext(name);
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw new Error(`context ${name}: expected a non-empty string, got ${JSON.stringify(value)}`);
}

function contextFlag(name: string): boolean {
  const value = contextText(name) ?? 'false';
  if (['true', 'false'].includes(value)) return value === 'true';
  throw new Error(`context ${name}: expected true or false, got ${value}`);
}

const architectureName = contextText('architecture') ?? lambda.Architecture.ARM_64.name;
const architecture = ARCHITECTURES.find(({ name }) => name === architectureName);
if (architecture === undefined) {
  const names = ARCHITECTURES.map(({ name }) => name).join(' or ');
  throw new Error(`context architecture: expected ${names}, got ${architectureName}`);
}
const alarmEmail = contextText('alarmEmail');
const codeFolder = contextText('code');
const queryFolder = contextText('queryCode');
const extensionFolder = contextText('extensionCode');

// Without `env`, the credentials choose the account and region.
new PushGatewayStack(app, 'PushGateway', {
  description: 'Metrics as JSON into Amazon Managed Service for Prometheus',
  architecture,
  ...(alarmEmail === undefined ? {} : { alarmEmail }),
  functionUrl: contextFlag('functionUrl'),
  queryUrl: contextFlag('queryUrl'),
  agentGateway: contextFlag('agentGateway'),
  ...(codeFolder === undefined ? {} : { code: lambda.Code.fromAsset(codeFolder) }),
  ...(queryFolder === undefined ? {} : { queryCode: lambda.Code.fromAsset(queryFolder) }),
  ...(extensionFolder === undefined ? {} : { extensionCode: lambda.Code.fromAsset(extensionFolder) }),
});
