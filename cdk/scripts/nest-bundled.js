// Copies bundled dependencies into this package, because npm packs them from its own node_modules only, and the
// workspace has them in the node_modules of the repository.

const fs = require('node:fs');
const path = require('node:path');
const { bundledDependencies } = require('../package.json');

const PACKAGE = path.resolve(__dirname, '..');

for (const name of bundledDependencies) {
  const nested = path.join(PACKAGE, 'node_modules', name);
  const installed = path.join(PACKAGE, '..', 'node_modules', name);
  // Where npm itself has put it into this package, there is nothing to copy.
  if (!fs.existsSync(installed)) continue;
  fs.rmSync(nested, { recursive: true, force: true });
  fs.cpSync(installed, nested, { recursive: true });
}
