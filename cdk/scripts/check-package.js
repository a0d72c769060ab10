// Fails unless the package has the functions and the extension for both architectures. npm runs it before packing.

const fs = require('node:fs');
const path = require('node:path');

const ASSETS = path.resolve(__dirname, '..', 'assets');

for (const architecture of ['arm64', 'x86_64']) {
  for (const name of ['push-gateway', 'query', 'telemetry-extension']) {
    const file = path.join(ASSETS, architecture, `${name}.zip`);
    if (!fs.existsSync(file)) {
      console.error(
        `✗ ${file} is missing. Build it in the repository, with the Rust targets of both architectures: npm run build:lambda`,
      );
      process.exitCode = 1;
    }
  }
}
