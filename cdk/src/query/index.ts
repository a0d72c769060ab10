export { AgentCoreGatewayOptions } from './agent-core-gateway';
export { QueryOperation } from './operations';
export { QueryFunctionUrl, QueryFunctionUrlOptions } from './query-endpoint-options';
export { PrometheusQueryFunctions } from './query-functions';
export { PrometheusQueryFunctionsProps } from './query-functions-props';
