export { PushGatewayAlarmOptions, PushGatewayAlarms } from './alarms';
export { DefaultFormat } from './default-format';
export { HttpAuth } from './http-auth';
export { HttpDelivery } from './http-delivery';
export { AlbTargetOptions, HttpApiOptions, HttpEndpointOptions } from './http-endpoint-options';
export { IotRuleOptions, IotRuleVia } from './iot-rule';
export { NameEscaping } from './name-escaping';
export { PrometheusPushGateway } from './push-gateway';
export { PrometheusPushGatewayProps } from './push-gateway-props';
