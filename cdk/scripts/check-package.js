// Before the package is packed: it must carry the functions and the extension, and says which architectures it lacks.

const fs = require('node:fs');
const path = require('node:path');

const ASSETS = path.resolve(__dirname, '..', 'assets');

const FILES = {
  'push-gateway': 'bootstrap',
  query: 'bootstrap',
  'telemetry-extension': 'extensions/telemetry-extension',
};

for (const [name, file] of Object.entries(FILES)) {
  const missing = ['arm64', 'x86_64'].filter((architecture) => !fs.existsSync(path.join(ASSETS, architecture, name, file)));
  if (missing.length === 2) {
    console.error(`✗ ${name} is not built, so there is nothing to pack. Build it in the repository: npm run build:lambda`);
    process.exitCode = 1;
  } else if (missing.length === 1) {
    console.error(`• The package will lack ${name} for ${missing[0]}: its Rust target is not installed here.`);
  }
}
