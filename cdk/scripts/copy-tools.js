// Copies the tool definitions of the query functions, and the rules for the metrics of functions, into the package.

const fs = require('node:fs');
const path = require('node:path');

const REPOSITORY = path.resolve(__dirname, '..', '..');
const ASSETS = path.join(REPOSITORY, 'cdk', 'assets');

fs.mkdirSync(ASSETS, { recursive: true });
for (const file of ['lambda/query/tools.json', 'example/dashboards/functions.rules.yaml']) {
  fs.copyFileSync(path.join(REPOSITORY, file), path.join(ASSETS, path.basename(file)));
}
