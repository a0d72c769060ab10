/** Definitions in YAML: what AMP would refuse and what can be seen without a YAML parser. */
import { Token } from 'aws-cdk-lib';
import { YamlDefinition } from '../yaml-definition';
import { Problem } from './validate';

/** https://docs.aws.amazon.com/prometheus/latest/userguide/AMP_quotas.html: rules files and Alertmanager definitions. */
const MAX_BYTES = 1_000_000;

/** `what` is not too large and has `key` at its root. */
export function definitionProblems(what: string, definition: YamlDefinition | undefined, key: string): Problem[] {
  if (definition === undefined) return [];
  const { yaml } = definition;
  const problems: Problem[] = [];
  const bytes = Buffer.byteLength(yaml);
  // With tokens in it, the size is known only at deployment.
  if (bytes > MAX_BYTES && !Token.isUnresolved(yaml)) {
    problems.push(`${what} must have at most ${MAX_BYTES} bytes, but has ${bytes}`);
  }
  // A JSON document is YAML too.
  const hasKey = new RegExp(`^["']?${key}["']?\\s*:`, 'm').test(yaml) || yaml.trimStart().startsWith('{');
  if (!hasKey) {
    problems.push(`${what} must have the key "${key}" at the root, but begins with "${firstLine(yaml)}"`);
  }
  return problems;
}

function firstLine(yaml: string): string {
  return yaml.trimStart().split('\n', 1)[0].slice(0, 80);
}
