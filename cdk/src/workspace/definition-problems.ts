/** Checks the YAML definitions of a workspace, which AMP would reject at deployment. */
import { Token, Tokenization } from 'aws-cdk-lib';
import { parse } from 'yaml';
import { YamlDefinition } from './yaml-definition';
import { Problem, not } from '../shared/validate';

/** The limit for rules files and Alertmanager definitions: https://docs.aws.amazon.com/prometheus/latest/userguide/AMP_quotas.html */
const MAX_BYTES = 1_000_000;

/** The problems of a rules file: https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-ruler-rulesfile.html */
export function rulesProblems(what: string, definition: YamlDefinition): Problem[] {
  return definitionProblems(what, definition, (root) => [
    not(!Array.isArray(root.groups), `${what}: expected the key "groups" with a list, got ${keyText(root, 'groups')}`),
  ]);
}

/** The problems of an Alertmanager definition: https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-config.html */
export function alertmanagerProblems(what: string, definition: YamlDefinition | undefined): Problem[] {
  const key = 'alertmanager_config';
  return definitionProblems(what, definition, (root) => {
    const config = root[key];
    // AMP requires the configuration as a string within the YAML.
    if (typeof config !== 'string')
      return [`${what}: expected the key "${key}" with a block of text (|), got ${keyText(root, key)}`];
    return mappingProblems(`${what}: ${key}`, config, () => []);
  });
}

function definitionProblems(
  what: string,
  definition: YamlDefinition | undefined,
  problemsOf: (root: Record<string, unknown>) => Problem[],
): Problem[] {
  if (definition === undefined) return [];
  const { yaml } = definition;
  const text = withoutTokens(yaml);
  // A line that consists of a token may be any YAML.
  if (text === undefined) return [];
  const bytes = Buffer.byteLength(yaml);
  return [
    // The size of a definition with tokens is known only at deployment.
    not(bytes > MAX_BYTES && !Token.isUnresolved(yaml), `${what}: expected at most ${MAX_BYTES} bytes, got ${bytes}`),
    ...mappingProblems(what, text, problemsOf),
  ];
}

function mappingProblems(
  what: string,
  yaml: string,
  problemsOf: (root: Record<string, unknown>) => Problem[],
): Problem[] {
  let root: unknown;
  try {
    root = parse(yaml, { logLevel: 'error' });
  } catch (error) {
    // The lines after the first show the place in the text.
    return [`${what}: expected valid YAML, got: ${(error as Error).message.split('\n', 1)[0].replace(/:$/, '')}`];
  }
  if (typeof root !== 'object' || root === null || Array.isArray(root)) {
    return [`${what}: expected a mapping at the root, got ${kindOf(root)}`];
  }
  return problemsOf(root as Record<string, unknown>);
}

/** The text with a word in place of each token, or undefined if a token may contain more than a word. */
function withoutTokens(yaml: string): string | undefined {
  const word = 'token';
  const text = Tokenization.reverseString(yaml)
    .mapTokens({ mapToken: () => word })
    .join({ join: (left, right) => `${left ?? ''}${right ?? ''}` });
  return Token.isUnresolved(yaml) && new RegExp(`^\\s*${word}\\s*$`, 'm').test(text) ? undefined : text;
}

function keyText(root: Record<string, unknown>, key: string): string {
  const keys = Object.keys(root).map((name) => `"${name}"`);
  if (key in root) return `${key} with ${kindOf(root[key])}`;
  return keys.length > 0 ? `the ${keys.length > 1 ? 'keys' : 'key'} ${keys.join(', ')}` : 'no keys';
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return `"${String(value).slice(0, 80)}"`;
}
