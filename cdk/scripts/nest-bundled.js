// Copies bundled dependencies into this package, because npm packs them from its own node_modules only, and the
// workspace has them in the node_modules of the repository.

const fs = require('node:fs');
const path = require('node:path');
const { bundledDependencies, dependencies } = require('../package.json');

const PACKAGE = path.resolve(__dirname, '..');

for (const name of bundledDependencies) {
  const nested = path.join(PACKAGE, 'node_modules', name);
  const installed = path.join(PACKAGE, '..', 'node_modules', name);
  // If the repository has another version, npm itself has put the required one, which is exact, into this package.
  if (versionOf(installed) !== dependencies[name]) continue;
  fs.rmSync(nested, { recursive: true, force: true });
  fs.cpSync(installed, nested, { recursive: true });
}

/** The version of the package in `folder`, if there is one. */
function versionOf(folder) {
  const manifest = path.join(folder, 'package.json');
  return fs.existsSync(manifest) ? JSON.parse(fs.readFileSync(manifest, 'utf8')).version : undefined;
}
