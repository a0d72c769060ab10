export { PushgatewayDestinationOptions, TelemetryDestination } from './destination';
export { PrometheusTelemetryExtension } from './telemetry-extension';
export { PrometheusTelemetryExtensionProps, TelemetryInstanceLabel } from './telemetry-extension-props';
