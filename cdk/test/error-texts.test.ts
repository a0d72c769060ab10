/** Names in error and warning texts that look like API must be names of the API. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import * as ts from 'typescript';
import { PACKAGE } from './support';

const SRC = path.join(PACKAGE, 'src');

/** Acronyms that are not names of the API. */
const ACRONYMS = [
  'AMP',
  'API',
  'ARN',
  'CDK',
  'FIFO',
  'HTTP',
  'HTTPS',
  'IAM',
  'ID',
  'JSON',
  'MCP',
  'SNS',
  'SQL',
  'SQS',
  'TLS',
  'URL',
  'VPC',
  'YAML',
];

interface Text {
  readonly at: string;
  readonly texts: string[];
}

const files = fs
  .readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => path.join(SRC, file));
const program = ts.createProgram(files, {
  strict: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.Node16,
  skipLibCheck: true,
  types: ['node'],
});
const checker = program.getTypeChecker();

/** The texts with a space in a source file. A template gives a text for each combination of its known values. */
function textsOf(source: ts.SourceFile): Text[] {
  const found: Text[] = [];
  const visit = (node: ts.Node): void => {
    const at = () =>
      `${path.relative(PACKAGE, source.fileName)}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
    if (ts.isStringLiteralLike(node) && node.text.includes(' ')) found.push({ at: at(), texts: [node.text] });
    if (ts.isTemplateExpression(node)) {
      const texts = node.templateSpans.reduce(
        (before, { expression, literal }) =>
          before.flatMap((text) => valuesOf(expression).map((value) => text + value + literal.text)),
        [node.head.text],
      );
      if (texts[0].includes(' ')) found.push({ at: at(), texts });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The values of an expression: the literals of its type, or a mark if they are known only at run time. */
const UNKNOWN = '\uFFFD';
function valuesOf(expression: ts.Expression): string[] {
  const type = checker.getTypeAtLocation(expression);
  const types = type.isUnion() ? type.types : [type];
  return types.every((each) => each.isStringLiteral())
    ? types.map((each) => (each as ts.StringLiteralType).value)
    : [UNKNOWN];
}

/** The member and parameter names of each type of an assembly. */
function typesOf(assembly: any): Map<string, Set<string>> {
  const membersOf = (of: any): string[] =>
    ['members', 'methods', 'properties', 'parameters']
      .flatMap((kind) => of[kind] ?? [])
      .flatMap((inner: any) => [inner.name, ...membersOf(inner)]);
  return new Map(
    Object.values<any>(assembly.types).map((type) => [type.fqn, new Set([type.name, ...membersOf(type)])]),
  );
}

const own = JSON.parse(fs.readFileSync(path.join(PACKAGE, '.jsii'), 'utf8'));
const ownTypes = typesOf(own);
const cdkTypes = typesOf(
  JSON.parse(gunzipSync(fs.readFileSync(`${require.resolve('aws-cdk-lib/.jsii')}.gz`)).toString('utf8')),
);

/** Names that may stand alone: those of this package and of the types that it uses. */
const used = [...cdkTypes].filter(([fqn]) => JSON.stringify(own.types).includes(`"${fqn}"`));
const names = new Set([...ownTypes, ...used].flatMap(([, members]) => [...members]));

/** The words of a text that look like API: dotted names, capitals and camel case. */
function apiIn(text: string): string[] {
  const plain = text
    // URLs, paths, files, quoted values and patterns are not API.
    .replace(/\[\S*\]\*?|https?:\/\/\S*|"[^"]*"|<[^>]*>|\S*\/\S*|\S+\.amazonaws\.com|\b[a-z-]+\.(json|zip|ts)\b/g, ' ');
  return (
    plain
      .match(/[A-Za-z_\uFFFD][\w\uFFFD]*(\.[\w\uFFFD]+)*/g)
      ?.filter((word) => /\w\.\w|\.\uFFFD|\uFFFD\.|^[A-Z][A-Z0-9_]+$|^[a-z]+[A-Z]/.test(word)) ?? []
  );
}

/** Why `word` is not a name of the API, or undefined. */
function wrong(word: string): string | undefined {
  if (ACRONYMS.includes(word)) return undefined;
  // A text of values only, such as a prop and its key, contains no API.
  if (word.includes(UNKNOWN))
    return /\w\.|\.\w/.test(word) ? `"${word.replaceAll(UNKNOWN, '…')}" is put together at run time` : undefined;
  const parts = word.split('.');
  if (parts.length === 1) return names.has(word) ? undefined : `"${word}" is not in the API`;
  // `lambda.Code` is in aws-cdk-lib, `TelemetryDestination` in this package.
  const [fqn, ...members] = /^[a-z]/.test(word)
    ? [`aws-cdk-lib.aws_${parts[0]}.${parts[1]}`, ...parts.slice(2)]
    : [`${own.name}.${parts[0]}`, ...parts.slice(1)];
  const type = cdkTypes.get(fqn) ?? ownTypes.get(fqn);
  return type && members.every((member) => type.has(member)) ? undefined : `"${word}" is not in the API`;
}

const texts = files
  .flatMap((file) => textsOf(program.getSourceFile(file)!))
  // A CloudWatch query.
  .filter(({ texts: [text] }) => !text.startsWith('SELECT '));

test('error and warning texts use names of the API', () => {
  const problems = texts.flatMap(({ at, texts: each }) =>
    each
      .flatMap(apiIn)
      .map(wrong)
      .filter((problem) => problem !== undefined)
      .map((problem) => `${at}: ${problem}`),
  );
  assert.deepEqual([...new Set(problems)], []);
});

test('the check finds texts, names and mistakes', () => {
  const words = new Set(texts.flatMap(({ texts: each }) => each.flatMap(apiIn)));
  for (const word of [
    'maxBatchingWindow',
    'lambda.Code.fromAsset',
    'TelemetryDestination.workspace',
    'lambda.Runtime.PROVIDED_AL2023',
    'FUNCTION',
  ]) {
    assert.ok(words.has(word), word);
    assert.equal(wrong(word), undefined);
  }
  for (const word of [
    'ARM64',
    'lambda.Architecture.ARM64',
    `lambda.Architecture.${UNKNOWN}`,
    'maxBatchWindow',
    'Code.fromAssets',
  ]) {
    assert.deepEqual(apiIn(`set ${word}, or not`), [word]);
    assert.ok(wrong(word), word);
  }
});
