/** Creates function URLs that serve the HTTP API of Prometheus and an MCP server. */
import { Duration, Stack, Token } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { newFunction } from '../shared/function';
import { grantSecret } from '../shared/grants';
import { newHttpSecret } from '../shared/http-auth';
import { enforcedLabelProblems } from '../shared/labels';
import { not, text, validate } from '../shared/validate';
import { defined } from '../shared/variables';
import { warn } from '../shared/warnings';
import { workspaceOf } from '../workspace/imported-workspace';
import { QueryFunctionUrl, QueryFunctionUrlOptions } from './query-endpoint-options';
import { PrometheusQueryFunctionsProps } from './query-functions-props';
import { variablesOf } from './variables';

/** Whom a function URL is for: the last part of its construct id, and of the function's name. */
const CLIENTS = {
  api: 'FunctionUrl',
  mcp: 'McpServer',
} as const;

/** The `enforceLabels` of the URLs of a construct as text, by the ARN of their secret. */
export type LabelsBySecret = Map<string, string>;

/** Creates a function and its URL in a scope below `parent`. */
export function queryFunctionUrl(
  parent: Construct,
  props: PrometheusQueryFunctionsProps,
  labelsBySecret: LabelsBySecret,
  client: keyof typeof CLIENTS,
  {
    auth,
    enforceLabels,
    invokeMode = props.vpc ? lambda.InvokeMode.BUFFERED : lambda.InvokeMode.RESPONSE_STREAM,
    tenant,
  }: QueryFunctionUrlOptions,
): QueryFunctionUrl {
  const id = `${tenant ?? ''}${CLIENTS[client]}`;
  const functionName =
    props.functionNamePrefix &&
    [props.functionNamePrefix, tenant, client].filter((part) => part !== undefined).join('-');
  const labels = JSON.stringify(Object.entries(enforceLabels ?? {}).sort());
  const given = auth._secret;
  const isStreaming = invokeMode === lambda.InvokeMode.RESPONSE_STREAM;
  validate(parent, [
    text('tenant', tenant, /^[a-zA-Z0-9]{1,32}$/, '1 to 32 letters and digits'),
    not(
      parent.node.tryFindChild(id) !== undefined,
      `tenant: expected one that no other ${client === 'mcp' ? 'MCP server' : 'function URL'} has, got ${tenant ? `"${tenant}"` : 'none'}`,
    ),
    not(
      !Token.isUnresolved(functionName) && (functionName ?? '').length > 64,
      `tenant: expected a function name of at most 64 characters, got "${functionName}"`,
    ),
    ...enforcedLabelProblems(enforceLabels),
    // "Lambda function URLs do not support response streaming within a VPC environment":
    // https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
    not(isStreaming && props.vpc !== undefined, 'invokeMode: expected BUFFERED in a VPC, got RESPONSE_STREAM'),
    given &&
      not(
        (labelsBySecret.get(given.secretArn) ?? labels) !== labels,
        `auth: expected a secret that no URL with other enforceLabels has, got ${given.node.path}`,
      ),
  ]);
  const scope = new Construct(parent, id);
  if (auth._mode === 'none') {
    warn(
      scope,
      'httpWithoutAuth',
      'the function URL serves every request, because auth is HttpAuth.none; anyone on the internet can read the metrics',
    );
  }
  const secret =
    auth._mode === 'secret'
      ? (given ?? newHttpSecret(scope, 'prometheus', 'User name and password for querying metrics'))
      : undefined;
  const isIam = auth._mode === 'iam';
  const fn = newFunction(scope, {
    ...props,
    artifact: 'query',
    roleDescription: 'Role of the function that serves the HTTP API of Prometheus',
    ownEnvironment: {
      ...variablesOf(props.workspace),
      ...defined({
        // The default of the function.
        HTTP_AUTH: isIam ? undefined : auth._mode,
        HTTP_AUTH_SECRET: secret?.secretArn,
        ENFORCE_LABELS: enforceLabels && Stack.of(scope).toJsonString(enforceLabels),
        // Only together with RESPONSE_STREAM: a buffered URL would return the form of a streamed response as the body.
        RESPONSE_STREAMING: isStreaming ? 'true' : undefined,
      }),
    },
    functionName,
    description: 'Serves the HTTP API of Prometheus for a workspace, and an MCP server',
    handler: 'api',
    memorySize: props.memorySize ?? 512,
    timeout: props.timeout ?? Duration.seconds(60),
  });
  const workspace = workspaceOf(props.workspace);
  workspace.grantQuery(fn);
  workspace.grantListRules(fn);
  if (secret) {
    labelsBySecret.set(secret.secretArn, labels);
    grantSecret(secret, fn);
  }
  const functionUrl = new lambda.FunctionUrl(scope, 'Url', {
    function: fn,
    authType: isIam ? lambda.FunctionUrlAuthType.AWS_IAM : lambda.FunctionUrlAuthType.NONE,
    // Always given, so that an update changes it.
    invokeMode,
  });
  return { function: fn, functionUrl, mcpUrl: `${functionUrl.url}mcp`, secret };
}
