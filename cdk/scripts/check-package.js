// Before the package is packed: it must carry the functions, and says which architectures it lacks.

const fs = require('node:fs');
const path = require('node:path');

const ASSETS = path.resolve(__dirname, '..', 'assets');

for (const name of ['push-gateway', 'query']) {
  const missing = ['arm64', 'x86_64'].filter((architecture) => !fs.existsSync(path.join(ASSETS, architecture, name, 'bootstrap')));
  if (missing.length === 2) {
    console.error(`✗ The function ${name} is not built, so there is nothing to pack. Build it in the repository: npm run build:lambda`);
    process.exitCode = 1;
  } else if (missing.length === 1) {
    console.error(`• The package will lack the function ${name} for ${missing[0]}: its Rust target is not installed here.`);
  }
}
