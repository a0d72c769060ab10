/** What `npm run build:lambda` makes: zip archives below `assets/<architecture>`. */
import * as fs from 'node:fs';
import * as path from 'node:path';

const ASSETS = path.resolve(__dirname, '..', '..', 'assets');

/** By the name of an artifact: its one file. */
export const ARTIFACTS = {
  'push-gateway': 'bootstrap',
  query: 'bootstrap',
  'telemetry-extension': 'extensions/telemetry-extension',
} as const;

/** By the name of an architecture, as AWS has it: its `e_machine` in an ELF header. */
export const MACHINES = { arm64: 183, x86_64: 62 } as const;

export type Architecture = keyof typeof MACHINES;
export const ARCHITECTURES = Object.keys(MACHINES) as Architecture[];

/** This machine's architecture. */
export const HOST = process.arch === 'x64' ? 'x86_64' : process.arch;

export function archive(architecture: string, name: string): string {
  return path.join(ASSETS, architecture, `${name}.zip`);
}

/** The architectures that everything is built for. */
export const BUILT = ARCHITECTURES.filter((architecture) =>
  Object.keys(ARTIFACTS).every((name) => fs.existsSync(archive(architecture, name))),
);
