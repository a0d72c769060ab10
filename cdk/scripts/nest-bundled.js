// Copies bundled dependencies into node_modules of this package: npm packs them only from there, but a workspace installs
// them in the repository.

const fs = require('node:fs');
const path = require('node:path');
const { bundledDependencies, dependencies } = require('../package.json');

const PACKAGE = path.resolve(__dirname, '..');

for (const name of bundledDependencies) {
  const nested = path.join(PACKAGE, 'node_modules', name);
  const installed = path.join(PACKAGE, '..', 'node_modules', name);
  // If the repository has another version, npm has installed the required one in this package.
  if (versionOf(installed) !== dependencies[name]) continue;
  fs.rmSync(nested, { recursive: true, force: true });
  fs.cpSync(installed, nested, { recursive: true });
}

/** The version of the package in `folder`, if it exists. */
function versionOf(folder) {
  const manifest = path.join(folder, 'package.json');
  return fs.existsSync(manifest) ? JSON.parse(fs.readFileSync(manifest, 'utf8')).version : undefined;
}
