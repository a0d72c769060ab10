// Takes the tool definitions for agent gateways into the package, from where they are written: the query function.

const fs = require('node:fs');
const path = require('node:path');

const PACKAGE = path.resolve(__dirname, '..');
const ASSETS = path.join(PACKAGE, 'assets');

fs.mkdirSync(ASSETS, { recursive: true });
fs.copyFileSync(path.resolve(PACKAGE, '..', 'lambda', 'query', 'tools.json'), path.join(ASSETS, 'tools.json'));
