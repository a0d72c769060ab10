/** The dependencies between the folders and files of src. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as ts from 'typescript';
import { PACKAGE } from './support';

const SRC = path.join(PACKAGE, 'src');
const FILES = fs.readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

/** The folders that each folder may import. */
const ALLOWED: Record<string, string[]> = {
  '.': ['workspace', 'push-gateway', 'query', 'telemetry', 'shared'],
  shared: [],
  workspace: ['shared'],
  'push-gateway': ['workspace', 'shared'],
  query: ['workspace', 'shared'],
  telemetry: ['push-gateway', 'workspace', 'shared'],
};

/** The files that a file imports or exports from, including its types. */
function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(fs.readFileSync(path.join(SRC, file), 'utf8'));
  const relative = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith('.'));
  return relative.map((name) => {
    const target = path.join(path.dirname(file), name);
    const found = [`${target}.ts`, path.join(target, 'index.ts')].find((each) => FILES.includes(each));
    assert.ok(found, `${file}: ${name} does not exist`);
    return found;
  });
}

/** The first circle of imports, or undefined. */
function circle(imports: Record<string, string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, chain: string[]): string[] | undefined => {
    if (chain.includes(file)) return [...chain.slice(chain.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of imports[file]) {
      const found = visit(next, [...chain, file]);
      if (found) return found;
    }
    done.add(file);
    return undefined;
  };
  return Object.keys(imports)
    .map((file) => visit(file, []))
    .find((found) => found);
}

test('no files import each other in a circle', () => {
  assert.equal(circle(Object.fromEntries(FILES.map((file) => [file, importsOf(file)]))), undefined);
});

test('the check finds a circle', () => {
  assert.deepEqual(circle({ a: ['b'], b: ['c', 'd'], c: [], d: ['b'] }), ['b', 'd', 'b']);
});

test('a folder imports only folders below it', () => {
  for (const file of FILES) {
    const own = path.dirname(file);
    for (const target of importsOf(file).map(path.dirname)) {
      assert.ok(target === own || ALLOWED[own].includes(target), `${file} imports ${target}`);
    }
  }
});

test('index files only re-export', () => {
  for (const file of FILES.filter((each) => path.basename(each) === 'index.ts')) {
    const { statements } = ts.createSourceFile(
      file,
      fs.readFileSync(path.join(SRC, file), 'utf8'),
      ts.ScriptTarget.ES2022,
    );
    for (const statement of statements) {
      assert.ok(ts.isExportDeclaration(statement) && statement.moduleSpecifier, `${file}: ${statement.pos}`);
    }
  }
});
