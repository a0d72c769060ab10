export { PushGatewayAlarmOptions, PushGatewayAlarms } from './alarms';
export { IotRuleOptions, IotRuleVia } from './iot-rule';
export { NameEscaping } from './name-escaping';
export { PrometheusPushGateway } from './push-gateway';
export { PrometheusPushGatewayProps } from './push-gateway-props';
