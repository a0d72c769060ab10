// Writes the API reference from the compiled package. Usage: write-api.js <file>
// The command jsii-docgen looks for assemblies in node_modules of this package, which a workspace does not have.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Documentation, Language } = require('jsii-docgen');

const { name } = require('../package.json');

async function main(file) {
  const assemblies = fs.mkdtempSync(path.join(os.tmpdir(), 'assemblies-'));
  try {
    for (const dependency of ['aws-cdk-lib', 'constructs']) {
      fs.symlinkSync(path.dirname(require.resolve(`${dependency}/package.json`)), path.join(assemblies, dependency));
    }
    fs.symlinkSync(path.resolve(__dirname, '..'), path.join(assemblies, name));
    const documentation = await Documentation.forAssembly(name, assemblies);
    const markdown = await documentation.toMarkdown({ language: Language.TYPESCRIPT, allSubmodules: false });
    fs.writeFileSync(file, markdown.render());
  } finally {
    fs.rmSync(assemblies, { recursive: true });
  }
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
