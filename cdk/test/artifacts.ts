/** The zip archives in `assets/<architecture>`, which `npm run build:lambda` creates. */
import * as fs from 'node:fs';
import * as path from 'node:path';

const ASSETS = path.resolve(__dirname, '..', '..', 'assets');

/** The file in each artifact. */
export const ARTIFACTS = {
  'push-gateway': 'bootstrap',
  query: 'bootstrap',
  'telemetry-extension': 'extensions/telemetry-extension',
} as const;

/** The `e_machine` of each architecture in an ELF header. */
export const MACHINES = { arm64: 183, x86_64: 62 } as const;

export type Architecture = keyof typeof MACHINES;
export const ARCHITECTURES = Object.keys(MACHINES) as Architecture[];

/** The architecture of this machine. */
export const HOST = process.arch === 'x64' ? 'x86_64' : process.arch;

export function archive(architecture: string, name: string): string {
  return path.join(ASSETS, architecture, `${name}.zip`);
}

/** The architectures for which every artifact is built. */
export const BUILT = ARCHITECTURES.filter((architecture) =>
  Object.keys(ARTIFACTS).every((name) => fs.existsSync(archive(architecture, name))),
);
