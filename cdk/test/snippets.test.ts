/** The snippets of every document: TypeScript compiles, the others parse. docs.test.ts checks the README of this package. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as ts from 'typescript';
import { PACKAGE, REPOSITORY } from './support';

interface Snippet {
  readonly language: string;
  readonly text: string;
}

const DOCUMENTS = execFileSync('git', ['ls-files', '-z', '*.md'], { cwd: REPOSITORY, encoding: 'utf8' })
  .split('\0')
  .filter(Boolean);

function snippets(document: string): Snippet[] {
  const markdown = fs.readFileSync(path.join(REPOSITORY, document), 'utf8');
  return [...markdown.matchAll(/^ *```(\w+)\n([^]*?)^ *```$/gm)].map(([, language, text]) => ({ language, text }));
}

/** The command that parses each language from standard input. */
const PARSERS: Record<string, [string, string[]]> = {
  json: [process.execPath, ['-e', "JSON.parse(require('node:fs').readFileSync(0, 'utf8'))"]],
  sh: ['bash', ['-n']],
  yaml: [path.join(PACKAGE, '.venv', 'bin', 'python'), ['-c', 'import sys, yaml; yaml.safe_load(sys.stdin)']],
};

test('shell, JSON and YAML snippets parse', () => {
  const others = new Set<string>();
  for (const document of DOCUMENTS) {
    for (const { language, text } of snippets(document)) {
      if (!PARSERS[language]) {
        if (!elsewhere(document).includes(language)) others.add(`${document}: ${language}`);
        continue;
      }
      const [command, args] = PARSERS[language];
      const { status, stderr } = spawnSync(command, args, { input: text, encoding: 'utf8' });
      assert.equal(status, 0, `${document}: ${text}${stderr}`);
    }
  }
  assert.deepEqual([...others], []);
});

/**
 * Languages that other tests check: docs.test.ts checks API.md, the tests of the functions run PromQL, and the end-to-end
 * tests run the clients of a Pushgateway.
 */
function elsewhere(document: string): string[] {
  if (document === 'cdk/API.md') return ['typescript', 'python'];
  return ['ts', 'promql', ...(document === 'docs/pushgateway.md' ? CLIENTS : [])];
}

/** The languages of Pushgateway clients. */
const CLIENTS = ['cpp', 'go', 'java', 'js', 'python', 'ruby', 'rust'];

/** The folder, declarations and surrounding code of the snippets of a document, which are compiled as one program. */
const CONTEXTS: Record<string, { folder: string; declarations: string; around?: [string, string] }> = {
  'README.md': {
    folder: path.join(PACKAGE, 'test'),
    declarations: `
      import { Stack } from 'aws-cdk-lib';
      import * as agentcore from 'aws-cdk-lib/aws-bedrockagentcore';
      import * as iam from 'aws-cdk-lib/aws-iam';
      import * as lambda from 'aws-cdk-lib/aws-lambda';
      declare const producer: iam.IGrantable;
      declare const reader: iam.IGrantable;
      declare const agents: agentcore.Gateway;
      declare const anyFunction: lambda.Function;`,
    around: ['export class Snippets extends Stack { add() {', '} }'],
  },
  'example/README.md': {
    folder: path.join(REPOSITORY, 'example'),
    declarations: 'declare const queueUrl: string;',
  },
};

for (const [document, { folder, declarations, around = ['', ''] }] of Object.entries(CONTEXTS)) {
  test(`the TypeScript of ${document} compiles`, () => {
    const texts = snippets(document)
      .filter(({ language }) => language === 'ts')
      .map(({ text }) => text);
    assert.notEqual(texts.length, 0);
    const lines = texts.join('\n').split('\n');
    const isImport = (line: string) => line.startsWith('import ');
    const body = lines.filter((line) => !isImport(line));
    const source = [declarations, ...lines.filter(isImport), around[0], ...body, around[1]].join('\n');
    assert.equal(compile(path.join(folder, 'README.snippets.mts'), source), '');
  });
}

test('no other document has TypeScript', () => {
  const known = [...Object.keys(CONTEXTS), 'cdk/README.md', 'cdk/API.md'];
  const others = DOCUMENTS.filter(
    (document) => !known.includes(document) && snippets(document).some(({ language }) => language === 'ts'),
  );
  assert.deepEqual(others, []);
});

/** The diagnostics of `source` as if it were in `file`. */
function compile(file: string, source: string): string {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2024,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    noEmit: true,
    skipLibCheck: true,
    strict: true,
    types: ['node'],
    typeRoots: [path.join(REPOSITORY, 'node_modules', '@types')],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.getSourceFile = (name, languageVersion, ...rest) =>
    name === file ? ts.createSourceFile(name, source, languageVersion) : getSourceFile(name, languageVersion, ...rest);
  const diagnostics = ts.getPreEmitDiagnostics(ts.createProgram([file], options, host));
  return ts.formatDiagnostics(diagnostics, { ...host, getNewLine: () => '\n', getCanonicalFileName: (name) => name });
}
