export * from './workspace';
export * from './push-gateway';
export * from './query';
export * from './telemetry';
export * from './shared';
