/** cfn-lint checks each template against the schemas of its resources. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import { lint } from './lint';
import { STACKS, appWith } from './stacks';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'templates-'));
after(() => fs.rmSync(folder, { recursive: true }));

for (const name of Object.keys(STACKS)) {
  test(`cfn-lint finds nothing in ${name}`, () => {
    const outdir = path.join(folder, name);
    appWith(name, outdir).app.synth();
    const { status, output } = lint(path.join(outdir, `${name}.template.json`));
    assert.equal(output, '');
    assert.equal(status, 0);
  });
}

test('cfn-lint finds an unknown property', () => {
  const file = path.join(folder, 'wrong.json');
  fs.writeFileSync(
    file,
    JSON.stringify({ Resources: { A: { Type: 'AWS::APS::Workspace', Properties: { Aliass: 'a' } } } }),
  );
  const { status, output } = lint(file);
  assert.notEqual(status, 0);
  assert.match(output, /Aliass/);
});
