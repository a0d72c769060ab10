import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { HttpAuth } from '../shared/http-auth';

/**
 * Settings of a function URL for queries, or of an MCP server.
 */
export interface QueryFunctionUrlOptions {
  /**
   * Which requests the URL serves. Grafana and MCP clients support `HttpAuth.secret`. URLs with different `enforceLabels`
   * need different secrets: with one secret for two tenants, each can query as the other.
   */
  readonly auth: HttpAuth;

  /**
   * Labels that every series in an answer has, by name. The function adds them to each selector of a query, and answers
   * 403 to requests for the metadata, rules and alerts of the whole workspace. Set it if the users of the URL must not see
   * the series of other tenants.
   *
   * @default - every series of the workspace can be queried
   */
  readonly enforceLabels?: { [name: string]: string };

  /**
   * How the function responds.
   *
   * @default - RESPONSE_STREAM; BUFFERED in a VPC
   */
  readonly invokeMode?: lambda.InvokeMode;

  /**
   * Identifier of the URL: 1 to 32 letters and digits. Set it for each URL of a workspace with several tenants: every one
   * has its own function, secret and `enforceLabels`.
   *
   * @default - none, which only one function URL and one MCP server can have
   */
  readonly tenant?: string;
}

/**
 * A function URL for queries, and its parts.
 */
export interface QueryFunctionUrl {
  /** The function. Its role may query only the workspace of the query functions. */
  readonly function: lambda.Function;

  /**
   * The function URL. Its `url` is the URL of a Grafana data source. With `HttpAuth.iam`, `grantInvokeUrl` lets principals
   * send requests.
   */
  readonly functionUrl: lambda.FunctionUrl;

  /** The URL of the MCP server, for agents. */
  readonly mcpUrl: string;

  /** The secret with `username` and `password`. Undefined unless `auth` is `HttpAuth.secret`. */
  readonly secret?: secretsmanager.ISecret;
}
