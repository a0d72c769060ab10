// Copies the tool definitions of the query functions into the package.

const fs = require('node:fs');
const path = require('node:path');

const PACKAGE = path.resolve(__dirname, '..');
const ASSETS = path.join(PACKAGE, 'assets');

fs.mkdirSync(ASSETS, { recursive: true });
fs.copyFileSync(path.resolve(PACKAGE, '..', 'lambda', 'query', 'tools.json'), path.join(ASSETS, 'tools.json'));
