import * as logs from 'aws-cdk-lib/aws-logs';
import { HttpAuth } from '../shared/http-auth';

/**
 * Settings of every HTTP endpoint of a push gateway.
 */
export interface HttpEndpointOptions {
  /**
   * Which requests the endpoint serves.
   */
  readonly auth: HttpAuth;

  /**
   * Path that precedes `/metrics`, `/v1/metrics` and `/api/v1/write` in the URL of clients and is removed by the function,
   * such as `/push`. It is the same for all endpoints of a gateway that have one. Set it if a custom domain, or the rule of a listener, shares a host by path.
   * The stage of an HTTP API is not part of it.
   *
   * @default - none
   */
  readonly basePath?: string;
}

/**
 * Settings of an HTTP API in front of a push gateway.
 */
export interface HttpApiOptions extends HttpEndpointOptions {
  /**
   * Requests per second, averaged, above which API Gateway answers 429: 1 or more. Prometheus drops samples that are
   * answered 429, unless `retry_on_http_429` is set.
   *
   * The default is a third of AMP's quota of write requests for a workspace, since a push is usually one.
   *
   * @default 1000
   */
  readonly rateLimit?: number;

  /**
   * Requests at once, above which API Gateway answers 429: 1 or more. Raise it if more clients push in the same second,
   * such as jobs that start at the full hour. Pushgateway clients do not repeat a push.
   *
   * @default 2000
   */
  readonly burstLimit?: number;

  /**
   * Name of the stage: 1 to 128 letters, digits, hyphens and underscores, or `$default`, whose URL has no further path.
   *
   * @default '$default'
   */
  readonly stageName?: string;

  /**
   * Log group of the access log.
   *
   * @default - a new log group that keeps the log for a month and is deleted with the construct
   */
  readonly accessLogGroup?: logs.ILogGroup;
}

/**
 * Settings of a push gateway as the target of an application load balancer.
 */
export interface AlbTargetOptions extends HttpEndpointOptions {
  /**
   * Whether the load balancer passes every value of a header or query parameter that a request repeats, or only the last
   * one.
   *
   * @default true
   */
  readonly multiValueHeaders?: boolean;
}
