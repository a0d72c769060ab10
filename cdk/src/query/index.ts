export { AgentCoreGatewayOptions } from './agent-core-gateway';
export { QueryOperation } from './operations';
export { PrometheusQueryFunctions } from './query-functions';
export { PrometheusQueryFunctionsProps } from './query-functions-props';
