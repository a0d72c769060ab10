/**
 * Reads the paths of the stack's programs from environment variables.
 */

const VARIABLES = {
  PUSH_GATEWAY_LOCAL: 'the program push-gateway-local: cargo build --release -p push-gateway-local',
  PUSH_GATEWAY_BINARY: 'the function: cargo build --release -p push-gateway (alone, after the above)',
  QUERY_BINARY: 'the query functions: cargo build --release -p query (alone, likewise)',
  TELEMETRY_EXTENSION_BINARY: 'the telemetry extension: cargo build --release -p telemetry-extension (alone, likewise)',
  MOTO_SERVER: 'the program moto_server: bash scripts/setup.sh makes .venv/bin/moto_server',
  PROMETHEUS: 'the program prometheus: on Debian and Ubuntu apt-get install prometheus, then /usr/bin/prometheus',
} as const;

/** The paths of the programs; `prometheus` is any value of `--prometheus`. */
export interface Programs {
  readonly local: string;
  readonly functionBinary: string;
  readonly queryBinary: string;
  readonly extensionBinary: string;
  readonly moto: string;
  readonly prometheus: string;
}

/** @throws if variables are missing, with the value that each requires */
export function programs(environment: NodeJS.ProcessEnv = process.env): Programs {
  const missing = Object.entries(VARIABLES).filter(([name]) => !environment[name]);
  if (missing.length > 0) {
    const lines = missing.map(([name, what]) => `  ${name}: ${what}`);
    throw new Error(`set these environment variables:\n${lines.join('\n')}`);
  }
  const value = (name: keyof typeof VARIABLES): string => environment[name] as string;
  return {
    local: value('PUSH_GATEWAY_LOCAL'),
    functionBinary: value('PUSH_GATEWAY_BINARY'),
    queryBinary: value('QUERY_BINARY'),
    extensionBinary: value('TELEMETRY_EXTENSION_BINARY'),
    moto: value('MOTO_SERVER'),
    prometheus: value('PROMETHEUS'),
  };
}
